import NIOCore
import StellarTestKit
import Testing

@testable import StellarGossip

/// Nodes that gossip over loopback sockets.
struct GossipNodeTests {
    @Test func nodesJoinLeaveAndDie() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { a, first in
            let events = a.events()
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(first)"])) { b, _ in
                try await NodeBench.with(NodeBench.configuration("c", peers: ["\(first)"])) { c, _ in
                    for node in [a, b, c] { try await NodeBench.sees(node, ["a", "b", "c"]) }
                    #expect(await c.leave(within: .seconds(60)))
                    try await eventually("c left") { await NodeBench.state("c", on: a) == .left ? true : nil }
                }
            }
            // It stops without a leave message.
            try await eventually("b is dead") { await NodeBench.state("b", on: a) == .dead ? true : nil }
            var reported: Set<String> = []
            for await item in events where reported.count < 4 {
                switch item {
                case .element(.joined(let member)): reported.insert("joined \(member.name)")
                case .element(.left(let member)): reported.insert("left \(member.name)")
                case .element(.failed(let member)): reported.insert("failed \(member.name)")
                default: continue
                }
                if reported.count == 4 { break }
            }
            #expect(reported == ["joined b", "joined c", "left c", "failed b"])
            let dead = try #require(await a.members().first { $0.name == "b" })
            #expect(dead.lastSeen >= dead.stateAge)
            await #expect(throws: GossipNodeError.self) { try await a.forget("a") }
            try await a.forget("b")
            #expect(await a.members().map(\.name) == ["a", "c"])
        }
    }

    @Test func nodesGossipOverIPv6() async throws {
        var first = NodeBench.configuration("a")
        first.bind = try #require(GossipEndpoint("[::1]:0"))
        try await NodeBench.with(first) { [first] a, endpoint in
            var second = first
            second.name = "b"
            second.peers = ["\(endpoint)"]
            try await NodeBench.with(second) { b, _ in
                try await NodeBench.sees(a, ["a", "b"])
                try await NodeBench.sees(b, ["a", "b"])
                try await eventually("a datagram was answered") { await a.roundTrips().first }
            }
        }
    }

    @Test func metadataAndMessagesArrive() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { a, first in
            let feed = a.messages()
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(first)"])) { b, _ in
                try await NodeBench.sees(b, ["a", "b"])
                try await b.updateMetadata([1, 2, 3])
                try await eventually("metadata") {
                    await a.members().first { $0.name == "b" }?.metadata == [1, 2, 3] ? true : nil
                }
                await #expect(throws: GossipNodeError.self) {
                    try await b.updateMetadata([UInt8](repeating: 0, count: 513))
                }
                let long = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
                try await b.send(long, to: "a", reliably: true)
                await #expect(throws: GossipNodeError.self) { try await b.send(long, to: "a") }
                await #expect(throws: GossipNodeError.self) { try await b.send([1], to: "nobody") }
                let most = [UInt8](repeating: 7, count: 1300)
                try await b.send(most, to: "a")
                var messages = feed.makeAsyncIterator()
                guard case .element(let first)? = await messages.next(),
                    case .element(let second)? = await messages.next()
                else {
                    Issue.record("no messages")
                    return
                }
                #expect([first, second].contains(long) && [first, second].contains(most))
            }
        }
    }

    @Test func keysChangeWhileNodesGossip() async throws {
        let old = try #require(GossipKey([UInt8](repeating: 1, count: 16)))
        let new = try #require(GossipKey([UInt8](repeating: 2, count: 32)))
        var first = NodeBench.configuration("a")
        first.keyring = Keyring(old)
        try await NodeBench.with(first) { a, endpoint in
            var second = NodeBench.configuration("b", peers: ["\(endpoint)"])
            second.keyring = Keyring(old)
            try await NodeBench.with(second) { b, _ in
                try await NodeBench.sees(a, ["a", "b"])
                await #expect(throws: KeyringError.isUnknown) { try await a.useKey(new) }
                for node in [a, b] { try await node.addKey(new) }
                for node in [a, b] { try await node.useKey(new) }
                await #expect(throws: KeyringError.isPrimary) { try await a.removeKey(new) }
                for node in [a, b] { try await node.removeKey(old) }
                #expect(await a.keys() == [new])
                try await b.updateMetadata([1])
                try await eventually("they still understand each other") {
                    await a.members().first { $0.name == "b" }?.metadata == [1] ? true : nil
                }
                #expect(try await b.join("\(endpoint)") == 2)
                #expect(await a.counters().drops[.key] == nil)
            }
        }
        try await NodeBench.with(NodeBench.configuration("plain")) { node, _ in
            await #expect(throws: GossipNodeError.self) { try await node.addKey(new) }
        }
    }

    @Test func nameConflictIsLoggedOnBothNodes() async throws {
        let (one, two) = (CapturedLog(), CapturedLog())
        try await NodeBench.with(NodeBench.configuration("same"), log: one) { a, first in
            try await NodeBench.with(NodeBench.configuration("same", peers: ["\(first)"]), log: two) { b, second in
                for (node, log, other) in [(a, one, second), (b, two, first)] {
                    try await eventually("the log of \(other)'s rival") {
                        log.lines.contains { $0.hasPrefix("error") && $0.contains("other=\(other)") } ? true : nil
                    }
                    #expect(await node.members().first?.conflict == other)
                }
            }
        }
    }

    @Test func restartAtAnotherAddressIsAccepted() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { a, first in
            let old = try await NodeBench.with(NodeBench.configuration("b", peers: ["\(first)"])) { _, endpoint in
                try await NodeBench.sees(a, ["a", "b"])
                return endpoint
            }
            let log = CapturedLog()
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(first)"]), log: log) { b, new in
                #expect(new != old)
                try await eventually("b is known at its new address") {
                    await a.members().first { $0.name == "b" && $0.state == .alive }?.endpoint == new ? true : nil
                }
                try await NodeBench.sees(b, ["a", "b"])
                #expect(!log.lines.contains { $0.contains("two live nodes") }, "it was itself")
            }
        }
    }

    @Test func knownPeersAreFoundAgainAfterAllNodesStopped() async throws {
        try await TemporaryDirectory.with { folder in
            let ports = [try LoopbackPort.free(), try LoopbackPort.free()]
            @Sendable func configuration(_ index: Int) -> GossipNodeConfiguration {
                var configuration = NodeBench.configuration("n\(index)")
                configuration.bind.port = ports[index]
                return configuration
            }
            let stores = [FilePeerStore(path: "\(folder)/0"), FilePeerStore(path: "\(folder)/1")]
            try await NodeBench.with(configuration(0), store: stores[0]) { a, first in
                var second = configuration(1)
                second.peers = ["\(first)"]
                try await NodeBench.with(second, store: stores[1]) { b, _ in
                    for node in [a, b] { try await NodeBench.sees(node, ["n0", "n1"]) }
                }
            }
            // No peers are declared, and the first node to start finds no other yet.
            try await NodeBench.with(configuration(1), store: stores[1]) { b, _ in
                try await eventually("it looked") { await b.peers().first?.lastError }
                let listed = await b.members()
                #expect(listed.map(\.name) == ["n0", "n1"] && listed[0].state == .dead)
                try await NodeBench.with(configuration(0), store: stores[0]) { a, _ in
                    for node in [a, b] { try await NodeBench.sees(node, ["n0", "n1"]) }
                    try await eventually("reached") { await b.peers().first?.isReached == true ? true : nil }
                }
            }
        }
    }

    @Test func declaredPeerMayStartLater() async throws {
        let port = try LoopbackPort.free()
        var early = NodeBench.configuration("early", peers: ["localhost:\(port)", "no.such.host.invalid"])
        early.rejoin.longestDelay = .seconds(2)
        try await NodeBench.with(early) { a, _ in
            try await eventually("both were tried") { await a.peers().allSatisfy { $0.lastError != nil } ? true : nil }
            let errors = await a.peers().compactMap(\.lastError)
            #expect(errors[0].contains("127.0.0.1:\(port): Connection refused"), "\(errors[0])")
            #expect(errors[1].contains("no.such.host.invalid"), "\(errors[1])")
            var late = NodeBench.configuration("late")
            late.bind.port = port
            try await NodeBench.with(late) { b, _ in
                for node in [a, b] { try await NodeBench.sees(node, ["early", "late"]) }
                try await eventually("it is reached") { await a.peers()[0].isReached ? true : nil }
                #expect(await a.peers()[0].lastError == nil)
            }
        }
    }

    @Test func broadcastReachesAllNodes() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { a, first in
            let feed = a.messages()
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(first)"])) { b, _ in
                try await NodeBench.sees(b, ["a", "b"])
                await #expect(throws: GossipNodeError.self) {
                    try await b.broadcast([UInt8](repeating: 0, count: 1400), about: "much")
                }
                try await b.broadcast([1, 2, 3], about: "little")
                var messages = feed.makeAsyncIterator()
                guard case .element(let message)? = await messages.next() else {
                    Issue.record("no message")
                    return
                }
                #expect(message == [1, 2, 3])
            }
        }
    }

    @Test(arguments: [true, false])
    func closedSocketIsBoundAgain(isDatagrams: Bool) async throws {
        let log = CapturedLog()
        try await NodeBench.with(NodeBench.configuration("a"), log: log) { a, first in
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(first)"])) { b, _ in
                try await NodeBench.sees(a, ["a", "b"])
                let sockets = try #require(await a.sockets())
                try await (isDatagrams ? sockets.datagrams : sockets.streams).close()
                try await eventually("it says so") {
                    log.lines.contains { $0.contains("bound again") } ? true : nil
                }
                #expect(await a.sockets()?.bound == first)
                try await b.send([1], to: "a", reliably: true)
                try await b.updateMetadata([1])
                try await eventually("datagrams arrive") {
                    await a.members().first { $0.name == "b" }?.metadata == [1] ? true : nil
                }
            }
        }
    }

    @Test func takenPortIsNamed() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { _, endpoint in
            var other = NodeBench.configuration("b")
            other.bind = endpoint
            let node = try GossipNode(other, logger: CapturedLog().logger)
            let error = try await #require(throws: GossipNodeError.self) { try await node.run() }
            #expect(error.code == .portTaken)
            #expect(error.message.contains("\(endpoint)/udp"))
            #expect(error.message.contains("ss -lnpu 'sport = :\(endpoint.port)'"))
        }
        var nowhere = NodeBench.configuration("b")
        nowhere.bind = try #require(GossipEndpoint("192.0.2.1:0"))
        let node = try GossipNode(nowhere, logger: CapturedLog().logger)
        let error = try await #require(throws: GossipNodeError.self) { try await node.start() }
        #expect(error.code == .addressMissing && error.message.contains("192.0.2.1"))
    }

    @Test func invalidConfigurationIsNamed() {
        func message(_ change: (inout GossipNodeConfiguration) -> Void) -> String {
            var configuration = NodeBench.configuration("a")
            change(&configuration)
            do {
                _ = try GossipNode(configuration, logger: CapturedLog().logger)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(message { $0.name = "" }.contains("1 to 255 bytes"))
        #expect(message { $0.name = "a\nb" }.contains(#""a\nb""#))
        #expect(message { $0.label = String(repeating: "x", count: 256) }.contains("256 bytes; at most 255"))
        #expect(message { $0.metadata = [UInt8](repeating: 0, count: 513) }.contains("513 bytes; at most 512"))
        #expect(message { $0.peers = ["ok", "not ok"] }.contains(#""not ok""#))
        #expect(message { _ in }.isEmpty)
    }

    @Test func othersGetTheAdvertisedAddress() async throws {
        var translated = NodeBench.configuration("a")
        translated.advertise = GossipEndpoint(address: try #require(WireAddress(text: "127.0.0.2")), port: 0)
        translated.bind.address = .wildcard
        try await NodeBench.with(translated) { a, endpoint in
            #expect(endpoint.address.description == "127.0.0.2" && endpoint.port > 0)
            try await NodeBench.with(NodeBench.configuration("b", peers: ["127.0.0.1:\(endpoint.port)"])) { b, _ in
                try await NodeBench.sees(b, ["a", "b"])
                #expect(await b.members().first?.endpoint == endpoint)
                try await eventually("it is reached there") { await b.roundTrips().first }
            }
        }
    }
}
