import StellarGossip

/// The commands of standard input.
struct Commands {
    let node: GossipNode

    /// Runs a command and returns the lines to print; nil for the command that ends the program.
    func run(_ line: String) async -> [String]? {
        let words = line.split(separator: " ", maxSplits: 2).map { String($0) }
        let rest = line.split(separator: " ", maxSplits: 1).dropFirst().first.map { String($0) } ?? ""
        switch words.first {
        case "join":
            do {
                return ["joined \(try await node.join(rest)) <nil>"]
            } catch {
                return ["joined 0 \(error)"]
            }
        case "members":
            let names = await node.members().filter { $0.state == .alive || $0.state == .suspect }.map(\.name)
            return ["members \(names.joined(separator: ","))"]
        case "nodes":
            return await node.members().map { "node \($0.name) \($0.endpoint) \($0.state)" } + ["end"]
        case "meta": return ["updated \(await outcome { try await node.updateMetadata(Array(rest.utf8)) })"]
        case "leave":
            return ["left \(await node.leave(within: .seconds(10)) ? "<nil>" : "not sent often enough in time")"]
        case "send": return await send(Array(rest.utf8))
        case "key": return ["key \(await outcome { try await changeKeys(words.dropFirst()) })"]
        case "rtt":
            return await node.roundTrips().map { status in
                let roundTrip = status.roundTrip
                return "rtt \(status.name) \(microseconds(roundTrip.smoothed)) \(microseconds(roundTrip.variation)) "
                    + "\(roundTrip.samples)"
            } + ["end"]
        case "counters": return counters(await node.counters()) + ["end"]
        case "peers": return await node.peers().map { peer($0) } + ["end"]
        case "forget": return ["forgot \(await outcome { try await node.forget(rest) })"]
        case "quit": return nil
        default: return ["error there is no command \(line)"]
        }
    }

    private func microseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
    }

    private func outcome(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "<nil>"
        } catch {
            return "\(error)"
        }
    }

    private func send(_ bytes: [UInt8]) async -> [String] {
        for member in await node.members() where !member.isSelf && (member.state == .alive || member.state == .suspect)
        {
            do {
                try await node.send(bytes, to: member.name)
            } catch {
                return ["error \(error)"]
            }
        }
        return []
    }

    private func changeKeys(_ words: ArraySlice<String>) async throws {
        guard words.count == 2, let verb = words.first, let text = words.last else {
            throw Options.Failure(description: "key add|use|remove HEX")
        }
        let key = try Options.key(text)
        switch verb {
        case "add": try await node.addKey(key)
        case "use": try await node.useKey(key)
        case "remove": try await node.removeKey(key)
        default: throw Options.Failure(description: "key add|use|remove HEX")
        }
    }

    private func counters(_ counters: GossipNodeCounters) -> [String] {
        let machine = counters.machine
        var lines = [
            "datagramsReceived \(counters.datagramsReceived)", "datagramsSent \(counters.datagramsSent)",
            "bytesReceived \(counters.bytesReceived)", "bytesSent \(counters.bytesSent)",
            "streamsAccepted \(counters.streamsAccepted)", "streamsOpened \(counters.streamsOpened)",
            "streamsFailed \(counters.streamsFailed)", "probes \(machine.probes)",
            "failedProbes \(machine.failedProbes)",
            "refutations \(machine.refutations)", "conflicts \(machine.conflicts)", "sleeps \(machine.sleeps)",
            "staleClaims \(machine.staleClaims)", "unsoundClaims \(machine.unsoundClaims)",
            "unknownNodes \(machine.unknownNodes)", "unexpectedAnswers \(machine.unexpectedAnswers)",
            "misdirectedPings \(machine.misdirectedPings)", "refusedRelays \(machine.refusedRelays)",
            "refusedMembers \(machine.refusedMembers)",
        ]
        for reason in DropReason.allCases {
            if let count = counters.drops[reason] { lines.append("drop.\(reason.rawValue) \(count)") }
        }
        return lines
    }

    private func peer(_ peer: PeerStatus) -> String {
        let name = peer.name ?? "-"
        return
            "peer \(peer.address) \(name) \(peer.isReached ? "reached" : "sought") \(peer.attempts) \(peer.lastError ?? "-")"
    }
}
