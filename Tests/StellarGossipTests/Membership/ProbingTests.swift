import StellarTestKit
import Testing

@testable import StellarGossip

/// Failure detection: probes, helpers, and pings for other nodes.
struct ProbingTests {
    private typealias Bench = MembershipBench

    /// A sent datagram: its target, and its messages.
    private typealias Datagram = (to: GossipEndpoint, messages: [GossipMessage])

    private static func datagrams(_ bench: inout MembershipBench) -> [Datagram] {
        bench.machine.takeEffects().compactMap { effect in
            guard case .send(let messages, let endpoint, _) = effect else { return nil }
            return (endpoint, messages.flatMap { PacketCodec().decode($0[...]).messages })
        }
    }

    /// A machine that knows b, c, d and e and has no news left; its next probe starts now.
    private static func cluster(_ configuration: GossipConfiguration = .lan) throws -> MembershipBench {
        var bench = Bench(configuration)
        for (index, name) in ["b", "c", "d", "e"].enumerated() {
            bench.receive(Bench.alive(name, 1, at: UInt8(index + 2)))
        }
        while !bench.machine.hasNoNews { try answerProbe(&bench) }
        return bench
    }

    /// Starts the next probe and returns it.
    private static func startProbe(_ bench: inout MembershipBench) throws -> MembershipMachine.Probe {
        while bench.machine.probe == nil { bench.jump(max(bench.machine.deadline - bench.now, .zero)) }
        return try #require(bench.machine.probe)
    }

    private static func answerProbe(_ bench: inout MembershipBench) throws {
        let probe = try startProbe(&bench)
        bench.receive(.acknowledgement(Acknowledgement(sequence: probe.sequence)))
        _ = bench.machine.takeEffects()
    }

    /// Lets the running probe reach its helpers, and returns the indirect pings and whether a stream was opened.
    private static func startIndirectProbe(
        _ bench: inout MembershipBench
    ) throws -> (probe: MembershipMachine.Probe, requests: [Datagram], streams: [Ping]) {
        let probe = try startProbe(&bench)
        _ = bench.machine.takeEffects()
        bench.jump(probe.indirect - bench.now)
        let effects = bench.machine.takeEffects()
        let requests = effects.compactMap { effect -> Datagram? in
            guard case .send(let messages, let endpoint, _) = effect else { return nil }
            let decoded = messages.flatMap { PacketCodec().decode($0[...]).messages }
            guard case .indirectPing? = decoded.first else { return nil }
            return (endpoint, decoded)
        }
        let streams = effects.compactMap { effect -> Ping? in
            if case .pingOnStream(let ping, to: _, deadline: _) = effect { ping } else { nil }
        }
        return (probe, requests, streams)
    }

    // MARK: Pings of other nodes

    @Test(arguments: ["me", ""])
    func pingIsAcknowledgedAtItsSourceFields(node: String) {
        var bench = Bench()
        var ping = Ping(sequence: 7, node: node)
        ping.sourceAddress = Bench.endpoint(5).address
        ping.sourcePort = 99
        bench.machine.receive(.ping(ping), from: Bench.endpoint(9), now: bench.now, using: &bench.random)
        let sent = Self.datagrams(&bench)
        #expect(sent.map(\.to) == [GossipEndpoint(address: Bench.endpoint(5).address, port: 99)])
        #expect(sent.first?.messages.first == .acknowledgement(Acknowledgement(sequence: 7)))
    }

    @Test func pingWithoutSourceFieldsIsAcknowledgedAtItsSender() {
        var bench = Bench()
        bench.machine.receive(
            .ping(Ping(sequence: 7, node: "me")),
            from: Bench.endpoint(9),
            now: bench.now,
            using: &bench.random
        )
        #expect(Self.datagrams(&bench).map(\.to) == [Bench.endpoint(9)])
    }

    @Test func pingForAnotherNodeIsNotAcknowledged() {
        var bench = Bench()
        bench.machine.receive(
            .ping(Ping(sequence: 7, node: "other")),
            from: Bench.endpoint(9),
            now: bench.now,
            using: &bench.random
        )
        #expect(Self.datagrams(&bench).isEmpty && bench.machine.counters.misdirectedPings == 1)
    }

    // MARK: Probes

    @Test func eachRoundProbesEachNodeOnceAndNeitherDeadNorLeftOnes() throws {
        var bench = try Self.cluster()
        bench.receive(Bench.dead("d", 1))
        bench.receive(Bench.dead("e", 1, from: "e"))
        // The rest of this round, and two whole ones.
        var probed: [String] = []
        for _ in 0..<8 {
            probed.append(try Self.startProbe(&bench).name)
            try Self.answerProbe(&bench)
        }
        #expect(Set(probed) == ["b", "c"])
        for start in 0..<6 {
            // Of any three in a row at most two are the same: one at the end of a round, one at the start of the next.
            #expect(Set(probed[start..<start + 3]).count == 2)
        }
    }

    @Test func suspectedNodeGetsTheSuspicionWithItsPing() throws {
        var bench = Bench()
        bench.receive(Bench.alive("b", 4))
        bench.receive(Bench.suspect("b", 4, from: "c"))
        _ = bench.machine.takeEffects()
        _ = try Self.startProbe(&bench)
        let sent = Self.datagrams(&bench).first { if case .ping? = $0.messages.first { true } else { false } }
        #expect(sent?.messages.dropFirst().first == .suspect(Suspect(node: "b", incarnation: 4, from: "me")))
    }

    @Test func helpersAndAStreamPingTheTargetAfterTheTimeOut() throws {
        var bench = try Self.cluster()
        let (probe, requests, streams) = try Self.startIndirectProbe(&bench)
        let target = try #require(bench.machine.member(named: probe.name))
        #expect(requests.count == 3 && Set(requests.map(\.to)).count == 3)
        for request in requests {
            #expect(request.to != target.endpoint && request.to != Bench.endpoint(1))
            guard case .indirectPing(let ping)? = request.messages.first else { continue }
            #expect(ping.node == probe.name && ping.sequence == probe.sequence && ping.wantsNack)
            #expect(ping.target == target.address && ping.port == target.port)
        }
        #expect(streams.map(\.sequence) == [probe.sequence] && streams.map(\.node) == [probe.name])
    }

    @Test func onlyLiveNodesAreHelpers() throws {
        var bench = try Self.cluster()
        let target = try Self.startProbe(&bench).name
        let others = ["b", "c", "d", "e"].filter { $0 != target }
        bench.receive(Bench.suspect(others[0], 1))
        bench.receive(Bench.dead(others[1], 1))
        let (_, requests, _) = try Self.startIndirectProbe(&bench)
        let helper = try #require(bench.machine.member(named: others[2]))
        #expect(requests.map(\.to) == [helper.endpoint])
    }

    /// Version 3 brought pings on streams, version 4 nacks, version 5 checksums.
    @Test(
        arguments: [(2, false, false, false), (3, true, false, false), (4, true, true, false), (5, true, true, true)]
            as [(UInt8, Bool, Bool, Bool)]
    )
    func olderPeersGetOnlyWhatTheyUnderstand(maximum: UInt8, stream: Bool, nack: Bool, checksum: Bool) throws {
        var bench = Bench()
        for (index, name) in ["b", "c"].enumerated() {
            let endpoint = Bench.endpoint(UInt8(index + 2))
            let versions = ProtocolVersions(minimum: 1, maximum: maximum, current: 2)
            let claim = Alive(
                node: name,
                incarnation: 1,
                address: endpoint.address,
                port: endpoint.port,
                versions: versions
            )
            bench.receive(.alive(claim))
        }
        let (_, requests, streams) = try Self.startIndirectProbe(&bench)
        #expect(streams.isEmpty != stream)
        guard case .indirectPing(let ping)? = requests.first?.messages.first else {
            Issue.record("no indirect ping")
            return
        }
        let member = try #require(bench.machine.member(named: "b"))
        #expect(ping.wantsNack == nack && member.understandsChecksum == checksum)
    }

    @Test func streamPingsCanBeSwitchedOff() throws {
        var configuration = GossipConfiguration.lan
        configuration.streamPings = false
        var bench = try Self.cluster(configuration)
        let (_, requests, streams) = try Self.startIndirectProbe(&bench)
        #expect(requests.count == 3 && streams.isEmpty)
    }

    @Test func acknowledgementThroughAHelperEndsTheProbe() throws {
        var bench = try Self.cluster()
        let (probe, _, _) = try Self.startIndirectProbe(&bench)
        bench.receive(.acknowledgement(Acknowledgement(sequence: probe.sequence)))
        #expect(bench.machine.probe == nil && bench.machine.counters.failedProbes == 0)
        #expect(bench.machine.member(named: probe.name)?.state == .alive)
    }

    @Test func nodeThatAnswersOnAStreamOnlyIsAliveAndReported() throws {
        var bench = try Self.cluster()
        let (probe, _, _) = try Self.startIndirectProbe(&bench)
        bench.machine.streamAnswered(sequence: probe.sequence &+ 1)
        bench.machine.streamAnswered(sequence: probe.sequence)
        bench.jump(probe.end - bench.now)
        #expect(Bench.names(bench.events()) == ["datagrams lost \(probe.name)"])
        #expect(bench.machine.member(named: probe.name)?.state == .alive)
        #expect(bench.machine.counters.failedProbes == 0)
    }

    @Test func silentNodeIsSuspectedAtTheEndOfTheProbe() throws {
        var bench = try Self.cluster()
        let (probe, _, _) = try Self.startIndirectProbe(&bench)
        bench.jump(probe.end - bench.now + .nanoseconds(-1))
        #expect(bench.machine.member(named: probe.name)?.state == .alive)
        bench.jump(.nanoseconds(1))
        #expect(bench.machine.member(named: probe.name)?.state == .suspect)
        #expect(bench.machine.member(named: probe.name)?.suspicion?.accusers == ["me"])
        #expect(bench.machine.counters.failedProbes == 1)
    }

    // MARK: Awareness

    /// Three helpers: each missing nack counts against this node, none if all came.
    @Test(arguments: [(0, 3), (1, 2), (2, 1), (3, 0)])
    func missingNacksCountAgainstThisNode(nacks: Int, score: Int) throws {
        var bench = try Self.cluster()
        let (probe, _, _) = try Self.startIndirectProbe(&bench)
        for _ in 0..<nacks { bench.receive(.negativeAcknowledgement(.init(sequence: probe.sequence))) }
        bench.jump(probe.end - bench.now)
        #expect(bench.machine.awarenessScore == score)
    }

    @Test func failedProbeWithoutHelpersCountsOnce() throws {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        let (probe, requests, _) = try Self.startIndirectProbe(&bench)
        bench.jump(probe.end - bench.now)
        #expect(requests.isEmpty && bench.machine.awarenessScore == 1)
    }

    @Test func refutationCountsAgainstThisNodeAndASuccessfulProbeForIt() throws {
        var bench = try Self.cluster()
        bench.receive(Bench.suspect("me", 1))
        #expect(bench.machine.awarenessScore == 1)
        try Self.answerProbe(&bench)
        #expect(bench.machine.awarenessScore == 0)
    }

    @Test func unhealthyNodeProbesMoreSlowly() throws {
        var bench = try Self.cluster()
        for incarnation in 0..<2 as Range<UInt32> { bench.receive(Bench.suspect("me", 1 + incarnation)) }
        #expect(bench.machine.awarenessScore == 2)
        let probe = try Self.startProbe(&bench)
        // The time-out of the direct ping stays: only the whole probe takes longer.
        #expect(probe.indirect - probe.sent == bench.machine.configuration.probeTimeout)
        #expect(probe.end - probe.sent == bench.machine.configuration.probeInterval * 3)
    }

    @Test func unexpectedAcknowledgementsAndNacksAreCounted() throws {
        var bench = try Self.cluster()
        let (probe, requests, _) = try Self.startIndirectProbe(&bench)
        bench.receive(.acknowledgement(Acknowledgement(sequence: probe.sequence &+ 1000)))
        bench.receive(.negativeAcknowledgement(.init(sequence: probe.sequence &+ 1000)))
        #expect(bench.machine.counters.unexpectedAnswers == 2 && bench.machine.probe != nil)
        for _ in 0...requests.count { bench.receive(.negativeAcknowledgement(.init(sequence: probe.sequence))) }
        #expect(bench.machine.counters.unexpectedAnswers == 3)
    }

    // MARK: Pings for other nodes

    private static func request(_ sequence: UInt32, target number: UInt8, wantsNack: Bool = true) -> GossipMessage {
        var request = IndirectPing(
            sequence: sequence,
            target: Bench.endpoint(number).address,
            port: Bench.endpoint(number).port,
            node: "target",
            wantsNack: wantsNack
        )
        request.sourceAddress = Bench.endpoint(3).address
        request.sourcePort = Bench.endpoint(3).port
        return .indirectPing(request)
    }

    /// Gives the machine a request, and returns the number of its ping.
    private static func relay(_ message: GossipMessage, _ bench: inout MembershipBench) throws -> UInt32 {
        bench.machine.receive(message, from: Bench.endpoint(9), now: bench.now, using: &bench.random)
        return try #require(bench.pings().first).sequence
    }

    @Test func helperRelaysTheAcknowledgementWithTheNumberOfTheRequest() throws {
        var bench = Bench()
        let sequence = try Self.relay(Self.request(70, target: 8), &bench)
        bench.machine.receive(
            .acknowledgement(Acknowledgement(sequence: sequence)),
            from: Bench.endpoint(8),
            now: bench.now,
            using: &bench.random
        )
        let sent = Self.datagrams(&bench)
        #expect(sent.map(\.to) == [Bench.endpoint(3)])
        #expect(sent.first?.messages.first == .acknowledgement(Acknowledgement(sequence: 70)))
        // The time-out brings no nack on top.
        bench.jump(.seconds(1))
        #expect(!Self.datagrams(&bench).contains { $0.to == Bench.endpoint(3) })
    }

    @Test(arguments: [true, false])
    func helperSendsANackAfterTheTimeOutIfItIsWanted(wantsNack: Bool) throws {
        var bench = Bench()
        _ = try Self.relay(Self.request(70, target: 8, wantsNack: wantsNack), &bench)
        #expect(bench.machine.deadline <= bench.now + bench.machine.configuration.probeTimeout)
        bench.jump(bench.machine.configuration.probeTimeout)
        let nacks = Self.datagrams(&bench).filter { $0.to == Bench.endpoint(3) }.compactMap(\.messages.first)
        #expect(nacks == (wantsNack ? [.negativeAcknowledgement(NegativeAcknowledgement(sequence: 70))] : []))
        #expect(bench.machine.relays.isEmpty && bench.machine.relayOrder.isEmpty)
    }

    /// Otherwise the nack would come with some later timer, and count as missing at the requester.
    @Test(arguments: [0, 1])
    func acknowledgedRequestDoesNotDelayTheNackOfAnother(acknowledged: Int) throws {
        var bench = Bench()
        let sequences = try [70, 71].map { try Self.relay(Self.request($0, target: UInt8($0)), &bench) }
        bench.receive(.acknowledgement(Acknowledgement(sequence: sequences[acknowledged])))
        #expect(bench.machine.relayOrder == [sequences[1 - acknowledged]])
        #expect(bench.machine.firmDeadline <= bench.now + bench.machine.configuration.probeTimeout)
    }

    @Test func indirectPingsAreBoundedAndNeedATarget() throws {
        var bench = Bench()
        for sequence in 0..<UInt32(MembershipMachine.maximumRelays) {
            bench.receive(Self.request(sequence, target: 8))
        }
        #expect(bench.machine.counters.refusedRelays == 0)
        bench.receive(Self.request(5000, target: 8))
        #expect(bench.machine.counters.refusedRelays == 1)
        var other = Bench()
        other.receive(
            .indirectPing(IndirectPing(sequence: 1, target: .none, port: 1, node: "x", wantsNack: true))
        )
        other.receive(
            .indirectPing(
                IndirectPing(sequence: 1, target: Bench.endpoint(2).address, port: 0, node: "x", wantsNack: true)
            )
        )
        #expect(other.machine.counters.refusedRelays == 2 && other.machine.relays.isEmpty)
    }
}
