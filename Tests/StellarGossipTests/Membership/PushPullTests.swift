import Testing

@testable import StellarGossip

/// When a node starts a push/pull, and how it merges the state of the other side.
@Suite struct PushPullTests {
    /// The times of the push/pulls in `limit` seconds after the first other node joined.
    private func pushPulls(within limit: Int) -> [Duration] {
        var bench = MembershipBench()
        bench.now = GossipTime(nanoseconds: 0)
        bench.receive(MembershipBench.alive("a", 1))
        let (start, end) = (bench.now, bench.now + .seconds(limit))
        var times: [Duration] = []
        while bench.machine.deadline <= end {
            bench.now = max(bench.now, bench.machine.deadline)
            bench.machine.advance(now: bench.now, using: &bench.random)
            for effect in bench.machine.takeEffects() {
                switch effect {
                case .pushPull: times.append(bench.now - start)
                // It stays alive.
                case .send(let messages, _, _):
                    for case .ping(let ping)? in messages.map({ PacketCodec().decode($0[...]).messages.first }) {
                        bench.receive(.acknowledgement(Acknowledgement(sequence: ping.sequence)))
                    }
                default: break
                }
            }
        }
        return times
    }

    @Test func newNodeStartsTwoEarlyPushPullsAndThenRareOnes() {
        let times = pushPulls(within: 34)
        #expect(times.count == 3)
        #expect(times.first.map { $0 >= .milliseconds(500) && $0 <= .seconds(1) } == true)
        #expect(times.dropFirst().first.map { $0 >= .milliseconds(1500) && $0 <= .seconds(3) } == true)
        // The interval of the profile.
        #expect(times.last.map { $0 >= .milliseconds(31_500) && $0 <= .seconds(33) } == true)
    }
}

extension PushPullTests {
    private typealias Bench = MembershipBench

    private static func node(
        _ name: String,
        _ state: NodeState,
        at number: UInt8 = 2,
        incarnation: UInt32 = 1,
        versions: ProtocolVersions? = .ours
    ) -> PushPullNode {
        PushPullNode(
            name: name,
            address: Bench.endpoint(number).address,
            port: Bench.endpoint(number).port,
            incarnation: incarnation,
            state: state,
            versions: versions
        )
    }

    private static func merge(_ nodes: [PushPullNode], _ bench: inout MembershipBench) throws {
        try bench.machine.merge(PushPull(nodes: nodes, isJoin: false), now: bench.now, using: &bench.random)
    }

    /// A dead node counts as suspected, so that it can refute; a node that left stays left.
    @Test(
        arguments: [(.alive, .alive), (.suspect, .suspect), (.dead, .suspect), (.left, .left)]
            as [(NodeState, NodeState)]
    )
    func remoteStateIsMerged(remote: NodeState, local: NodeState) throws {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        try Self.merge([Self.node("b", remote)], &bench)
        #expect(bench.machine.member(named: "b")?.state == local)
        if local == .suspect { #expect(bench.machine.member(named: "b")?.suspicion?.accusers == ["me"]) }
    }

    @Test(arguments: [NodeState.suspect, .dead, .left])
    func unknownNodesThatAreNotAliveAreNotAdded(state: NodeState) throws {
        var bench = Bench()
        try Self.merge([Self.node("b", state)], &bench)
        #expect(bench.machine.member(named: "b") == nil)
    }

    @Test func nodeRefutesADeadStateOfItselfInAPushPull() throws {
        var bench = Bench()
        try Self.merge([Self.node("me", .dead, at: 1, incarnation: 9)], &bench)
        #expect(bench.machine.own.state == .alive && bench.machine.own.incarnation == 10)
    }

    @Test func localStateHasEveryKnownNode() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 3))
        bench.receive(Bench.alive("c", 4, at: 3))
        bench.receive(Bench.dead("c", 4, from: "b"))
        let states = bench.machine.localState(isJoin: true).nodes.map { "\($0.name) \($0.state) \($0.incarnation)" }
        #expect(Set(states) == ["me alive 1", "b alive 3", "c dead 4"])
    }

    /// One node speaks a version that another does not understand. Dead nodes and nodes without versions do not count.
    @Test(
        arguments: [
            (1, 5, 2, NodeState.alive, true), (2, 5, 2, .alive, true), (3, 5, 3, .alive, false),
            (1, 1, 1, .alive, false), (6, 7, 6, .alive, false), (6, 7, 6, .dead, true),
        ] as [(UInt8, UInt8, UInt8, NodeState, Bool)]
    )
    func statesOfIncompatibleVersionsAreRefusedAsAWhole(
        minimum: UInt8,
        maximum: UInt8,
        current: UInt8,
        state: NodeState,
        isMerged: Bool
    ) throws {
        var bench = Bench()
        let versions = ProtocolVersions(minimum: minimum, maximum: maximum, current: current)
        let nodes = [
            Self.node("b", .alive), Self.node("old", .alive, at: 3, versions: nil),
            Self.node("c", state, at: 4, versions: versions),
        ]
        if isMerged {
            try Self.merge(nodes, &bench)
            #expect(bench.machine.member(named: "b")?.state == .alive)
        } else {
            #expect(throws: MembershipMachine.MergeError.self) { try Self.merge(nodes, &bench) }
            #expect(bench.machine.members.map(\.name) == ["me"])
        }
    }

    @Test func pushPullGoesToALiveNodeOnly() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.receive(Bench.alive("c", 1, at: 3))
        bench.receive(Bench.dead("c", 1, from: "b"))
        _ = bench.machine.takeEffects()
        for _ in 0..<20 { bench.machine.startPushPull(using: &bench.random) }
        let targets = bench.machine.takeEffects().map { effect in
            if case .pushPull(with: let endpoint) = effect { endpoint } else { Bench.endpoint(0) }
        }
        #expect(!targets.isEmpty && targets.allSatisfy { $0 == Bench.endpoint(2) })
    }
}
