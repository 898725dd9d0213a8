import StellarAPI
import StellarRPC
import StellarStore
import StellarTestKit
import Testing

@testable import StellarDaemon

/// What all nodes do together.
@Suite(.timeLimit(.minutes(5)))
struct EverywhereTests {
    @Test func everyNodeHasAShareInTheOrderOfTheNodes() async throws {
        let nowhere = "127.0.0.1:\(try LoopbackPort.free())"
        let others = [
            try FakeClusterNode.member("c", api: nowhere),
            try FakeClusterNode.member("d", api: nowhere, state: .dead),
            try FakeClusterNode.member("e", api: nowhere, state: .left),
            try FakeClusterNode.member("f", api: ""),
        ]
        try await FakeClusterNode.with(["a", "b"], others: others) { nodes in
            nodes["b"]?.gossip.set(roundTrips: ["x": .seconds(2)])
            let cluster = try #require(nodes["a"]?.cluster)
            let shares = await cluster.everywhere(here: { ["here"] }, there: { try await $0.roundTrips().map(\.node) })
            #expect(shares.map(\.node.id) == ["a", "b", "c", "d", "e", "f"])
            #expect(shares.map(\.value) == [["here"], ["x"], nil, nil, nil, nil])
            #expect(shares.map { $0.result == nil } == [false, false, false, true, true, true])
            #expect(shares[2].failure?.code == .unavailable)
            #expect(shares.map(\.observed.status) == [.alive, .alive, .unreachable, .dead, .left, .alive])
            let outcomes = shares.outcomes()
            #expect(outcomes.map(\.node) == ["a", "b", "c", "d", "f"])
            #expect(outcomes.prefix(2).map(\.state) == [.done, .done])
            #expect(outcomes.suffix(2).map(\.state) == [.dead, .withoutAPI])
        }
    }

    @Test func aFailureOfThisNodeLeavesTheOthersTheirShares() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            let cluster = try #require(nodes["a"]?.cluster)
            let shares = await cluster.everywhere {
                throw ClusterError(.resourceExhausted, "no more")
            } there: {
                _ = try await $0.keys()
            }
            #expect(shares[0].failure?.code == .resourceExhausted && shares[0].failure?.message == "no more")
            #expect(shares[1].failure == nil && shares[1].value != nil)
        }
    }

    @Test func aNodeThatDoesNotRespondInTimeFailsAlone() async throws {
        try await withHangingNode { hanging in
            let others = [try FakeClusterNode.member("c", api: hanging)]
            try await FakeClusterNode.with(["a"], others: others, limit: .seconds(1)) { nodes in
                let cluster = try #require(nodes["a"]?.cluster)
                let shares = await cluster.everywhere {
                    HealthNodeHealth()
                } there: {
                    try await $0.health(.host)
                }
                #expect(shares.map { $0.failure?.code } == [nil, .deadlineExceeded])
                #expect(shares[1].failure?.message.contains(hanging) == true)
            }
        }
    }

    @Test func onlyTheGivenNodesHaveShares() async throws {
        try await FakeClusterNode.with(["a", "b", "c"]) { nodes in
            let cluster = try #require(nodes["a"]?.cluster)
            let some = await cluster.nodes().filter { $0.id == "c" }
            let shares = await cluster.everywhere(some) {
                Issue.record("this node is not among them")
            } there: {
                _ = try await $0.keys()
            }
            #expect(shares.map(\.node.id) == ["c"] && shares.allSatisfy { $0.value != nil })
        }
    }

    @Test(arguments: [
        (ErrorCode.invalidArgument, RPCCode.invalidArgument), (.notFound, .notFound),
        (.failedPrecondition, .failedPrecondition), (.resourceExhausted, .resourceExhausted),
        (.unavailable, .unavailable),
    ])
    func clusterErrorsHaveACodeOfTheirOwnOnTheWire(code: ErrorCode, status: RPCCode) {
        let error = RPCError(of: ClusterError(code, "why"))
        #expect(error.code == status && error.message == "why")
    }

    @Test(arguments: [
        (StoreConvergence.State.reached, "reached", false), (.behind(nil), "behind", true),
        (.behind(.latest), "behind", true), (.dead, "dead", true), (.unreachable("why"), "unreachable", true),
    ])
    func convergenceHasAStateOnTheWire(state: StoreConvergence.State, text: String, hasReason: Bool) {
        let message = ClusterConvergence(StoreConvergence(node: "b", state: state))
        #expect(message.node == "b" && message.state == text && message.reason.isEmpty != hasReason)
    }
}
