import Testing

@testable import StellarGossip

/// Which nodes get news, and when a suspicion counts.
struct GossipTests {
    private typealias Bench = MembershipBench

    /// The endpoints that get datagrams in a time, with news to spread all the while.
    private static func targets(_ bench: inout MembershipBench, for duration: Duration) -> Set<GossipEndpoint> {
        let end = bench.now + duration
        var targets: Set<GossipEndpoint> = []
        while bench.now < end {
            _ = bench.machine.update(metadata: [])
            bench.jump(bench.machine.configuration.gossipInterval)
            for case .send(_, to: let endpoint, hasChecksum: _) in bench.machine.takeEffects() {
                targets.insert(endpoint)
            }
        }
        return targets
    }

    /// A dead node may not know that it was declared dead; a left one knows.
    @Test func deadNodesGetNewsForAWhileAndLeftNodesDoNot() {
        var configuration = GossipConfiguration.lan
        // Neither probes nor a sleep: only gossip sends.
        configuration.probeInterval = .seconds(3600)
        var bench = Bench(configuration)
        for (index, name) in ["b", "c", "d"].enumerated() {
            bench.receive(Bench.alive(name, 1, at: UInt8(index + 2)))
        }
        bench.receive(Bench.dead("c", 1, from: "b"))
        bench.receive(Bench.dead("d", 1, from: "d"))
        _ = bench.machine.takeEffects()
        let early = Self.targets(&bench, for: .seconds(20))
        #expect(early == [Bench.endpoint(2), Bench.endpoint(3)])
        bench.jump(.seconds(11))
        _ = bench.machine.takeEffects()
        #expect(Self.targets(&bench, for: .seconds(20)) == [Bench.endpoint(2)])
    }

    /// With the multiplier 4 a suspicion needs two confirmations: a repeated or a third one does not count.
    @Test func onlyExpectedConfirmationsCount() {
        var bench = Bench()
        for (index, name) in ["b", "c", "d", "e", "f"].enumerated() {
            bench.receive(Bench.alive(name, 1, at: UInt8(index + 2)))
        }
        func counts(_ accuser: String) -> Bool {
            let before = bench.machine.member(named: "b")?.suspicion?.accusers
            bench.receive(Bench.suspect("b", 1, from: accuser))
            return bench.machine.member(named: "b")?.suspicion?.accusers != before
        }
        let results = ["c", "c", "d", "d", "e", "f"].map { counts($0) }
        #expect(results == [true, false, true, false, true, false])
        #expect(bench.machine.member(named: "b")?.suspicion?.accusers == ["c", "d", "e"])
    }

    @Test func smallClusterNeedsNoConfirmation() {
        var bench = Bench()
        for (index, name) in ["b", "c"].enumerated() { bench.receive(Bench.alive(name, 1, at: UInt8(index + 2))) }
        bench.receive(Bench.suspect("b", 1, from: "c"))
        let suspicion = bench.machine.member(named: "b")?.suspicion
        #expect(suspicion?.expected == 0 && suspicion.map { $0.deadline - $0.start == $0.minimum } == true)
    }

    /// Version 1 of the protocol has no ports, and an alive message may come without versions.
    @Test func aliveMessageWithoutPortAndVersionsGetsThoseOfThisNode() {
        var bench = Bench()
        let claim = Alive(node: "b", incarnation: 1, address: Bench.endpoint(2).address, port: 0, versions: nil)
        bench.receive(.alive(claim))
        #expect(bench.machine.member(named: "b")?.endpoint == Bench.endpoint(2))
        #expect(bench.machine.member(named: "b")?.versions == .ours)
    }

    @Test func deadMessageAboutALeavingNodeIsNotRefuted() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.machine.leave(now: bench.now)
        bench.receive(Bench.dead("me", 9))
        #expect(bench.machine.own.state == .left && bench.machine.counters.refutations == 0)
    }
}
