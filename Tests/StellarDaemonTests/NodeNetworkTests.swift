import Logging
import StellarCore
import StellarNet
import StellarRPC
import StellarStorage
import StellarStore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarDaemon

/// How a node claims its subnet, yields it, and makes routes to other nodes: on real stores, with a clock that only the test
/// moves. The repair period is a day, so each reconcile follows from a change.
@Suite(.timeLimit(.minutes(10)))
struct NodeNetworkTests {
    private static let first = IPv4Subnet(containing: IPv4Address(172, 16, 0, 0), prefixLength: 22)
    private static let second = IPv4Subnet(containing: IPv4Address(172, 16, 4, 0), prefixLength: 22)

    /// Nodes a and b, which see each other alive. The test makes a ``NodeNetwork`` of b.
    private struct Pair {
        var network: FakeStoreNetwork
        var a: ReplicatedStore
        var b: ReplicatedStore
        var directory: String
        let host = FakeSubnetHost()
        let clock = ManualClock()
        let moves = Counter()

        func node(
            address: IPv4Address? = IPv4Address(10, 0, 0, 2),
            hasPeers: Bool = false,
            move: (@Sendable () async throws -> Void)? = nil
        ) async throws -> NodeNetwork {
            let addresses = AddressBook(store: b, database: b.database)
            try await addresses.load()
            let members = ["a", "b"].map { name in
                ClusterMember(
                    name: name,
                    address: "\(name):7946",
                    metadata: (try? NodeAnnouncement(address: "\(name):9000").metadata().bytes) ?? [],
                    isSelf: name == "b"
                )
            }
            let (clock, moves) = (clock, moves)
            let node = NodeNetwork(
                NodeNetwork.Settings(
                    node: "b",
                    network: try #require(IPv4Subnet("172.16.0.0/12")),
                    address: address,
                    overlay: .routes,
                    hasPeers: hasPeers,
                    repairPeriod: .seconds(86_400)
                ),
                store: b,
                database: b.database,
                gossip: FakeGossip(members),
                host: host,
                addresses: addresses,
                files: HostFiles(dataDirectory: directory),
                now: { clock.now },
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            await node.onSubnetChange(move ?? { moves.add() })
            return node
        }

        /// Receives a claim that another node wrote long ago.
        func receiveClaim(_ subnet: IPv4Subnet?, of node: String) async throws {
            let key = StoreKey(StoreBucket.network, NetworkKeys.subnet(node))
            let value = Array(try #require(subnet).description.utf8)
            try await b.take([StoreEntry(key, value, stamp: StoreStamp(rawValue: 1), origin: node)])
        }
    }

    private func with(_ body: (Pair) async throws -> Void) async throws {
        try await TemporaryDirectory.with { directory in
            try await FakeStoreNetwork.with(["a", "b"]) { network, stores in
                let pair = Pair(
                    network: network,
                    a: try #require(stores["a"]),
                    b: try #require(stores["b"]),
                    directory: directory
                )
                try await eventually("both have met") { network.exchanges > 0 && pair.b.hasSynced ? true : nil }
                try await body(pair)
            }
        }
    }

    private func running(_ node: NodeNetwork, _ body: () async throws -> Void) async throws {
        try await node.load()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await node.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private func expect(_ node: NodeNetwork, _ standing: SubnetClaims.Standing) async throws {
        try await eventually("\(standing)") { await node.standing == standing ? true : nil }
    }

    private func holdsTheFirstSubnet(_ pair: Pair, _ node: NodeNetwork) async throws {
        let first = try #require(Self.first)
        try await expect(node, .confirming(first))
        #expect(pair.host.used == [])
        pair.clock.advance(by: SubnetClaims.objectionTime)
        try await expect(node, .held(first))
        try await eventually("the host uses it") { pair.host.used == [first] ? true : nil }
    }

    /// Gossip knows the other nodes before the store has received their claims.
    @Test func aJoiningNodeClaimsNothingBeforeItHasTheOtherClaims() async throws {
        try await with { pair in
            try await TemporaryDirectory.with { directory in
                let database = try await Database.open(path: "\(directory)/b.db")
                var joining = pair
                joining.b = try await ReplicatedStore.alone(database, node: "b")
                let node = try await joining.node(hasPeers: true)
                try await node.load()
                #expect(await node.standing == .unclaimed && joining.b.ownStamp == .zero)
                await database.close()
            }
        }
    }

    /// The second claim is confirmed like the first, without a wait for the repair period.
    @Test func aNodeThatYieldsItsSubnetConfirmsAnother() async throws {
        try await with { pair in
            let node = try await pair.node()
            try await running(node) {
                try await holdsTheFirstSubnet(pair, node)
                let (first, second) = (try #require(Self.first), try #require(Self.second))
                try await pair.receiveClaim(first, of: "a")
                try await expect(node, .confirming(second))
                // No container starts until then, and none has moved.
                let waiting = await node.overview().waiting
                #expect(waiting.contains("\(second)") && waiting.contains("node b"), "\(waiting)")
                #expect(pair.host.used == [first] && pair.moves.count == 0)
                pair.clock.advance(by: SubnetClaims.objectionTime)
                try await expect(node, .held(second))
                try await eventually("its containers move") { pair.moves.count == 1 ? true : nil }
                #expect(pair.host.used == [first, second] && pair.host.names == second)
            }
        }
    }

    @Test func callersWaitUntilTheSubnetIsConfirmed() async throws {
        try await with { pair in
            let node = try await pair.node()
            try await running(node) {
                let first = try #require(Self.first)
                try await expect(node, .confirming(first))
                try await withThrowingTaskGroup(of: IPv4Subnet.self) { group in
                    for _ in 0..<3 { group.addTask { try await node.confirmedSubnet() } }
                    try await eventually("all wait") { await node.waiters.count == 3 ? true : nil }
                    pair.clock.advance(by: SubnetClaims.objectionTime)
                    for try await subnet in group { #expect(subnet == first) }
                }
                #expect(await node.waiters.isEmpty)
            }
        }
    }

    @Test func aCancelledCallerStopsWaiting() async throws {
        try await with { pair in
            let node = try await pair.node()
            try await running(node) {
                try await expect(node, .confirming(try #require(Self.first)))
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: CancellationError.self) { try await node.confirmedSubnet() }
                    }
                    _ = try? await eventually("it waits") { await node.waiters.count == 1 ? true : nil }
                    group.cancelAll()
                }
                #expect(await node.waiters.isEmpty)
            }
        }
    }

    @Test func nodesWithOtherOverlaySettingsAreNamed() {
        let address = IPv4Address(10, 0, 0, 2)
        let own = NetworkFact(address: address, mode: .vxlan(networkID: 5, port: 4789), mtu: 1500)
        let alike = NetworkFact(address: IPv4Address(10, 0, 0, 3), mode: .vxlan(networkID: 5, port: 4789), mtu: 9000)
        #expect(own.mismatch(with: alike, of: "a") == nil)
        for mode in [OverlayMode.routes, .vxlan(networkID: 6, port: 4789), .vxlan(networkID: 5, port: 4790)] {
            let problem = own.mismatch(with: NetworkFact(address: address, mode: mode), of: "a")
            #expect(problem?.contains("node a ") == true && problem?.contains("VXLANPort") == true)
        }
    }

    /// Nodes acknowledge writes by datagrams, which may be lost.
    @Test func aNodeThatDoesNotAcknowledgeTheClaimIsCalled() async throws {
        try await with { pair in
            pair.network.deafen("b")
            let node = try await pair.node()
            try await running(node) { try await holdsTheFirstSubnet(pair, node) }
        }
    }

    /// The daemon may die after the host changed and before the containers moved.
    @Test func containersMoveAfterTheSubnetChangesEvenIfTheDaemonDiesInBetween() async throws {
        try await with { pair in
            let dying = try await pair.node { throw RPCError(.unavailable, "the daemon is killed") }
            let (first, second) = (try #require(Self.first), try #require(Self.second))
            try await running(dying) {
                try await holdsTheFirstSubnet(pair, dying)
                try await pair.receiveClaim(first, of: "a")
                try await expect(dying, .confirming(second))
                pair.clock.advance(by: SubnetClaims.objectionTime)
                try await eventually("the host uses the other subnet") {
                    pair.host.used == [first, second] ? true : nil
                }
            }
            try await pair.node().load()
            #expect(pair.moves.count == 1)
            // They move once.
            try await pair.node().load()
            #expect(pair.moves.count == 1)
        }
    }

    @Test func routesFollowTheFactsOfOtherNodesAndEndWhenTheyAreForgotten() async throws {
        try await with { pair in
            let node = try await pair.node()
            func routes() -> [String] {
                pair.host.plan?.routes.map { "\($0.destination) via \($0.gateway)" } ?? ["none"]
            }
            try await running(node) {
                try await holdsTheFirstSubnet(pair, node)
                try await eventually("there are none") { routes() == [] ? true : nil }
                let claim = StoreChange(StoreBucket.network, NetworkKeys.subnet("a"), Array("172.16.8.0/22".utf8))
                for address in [IPv4Address(10, 0, 0, 1), IPv4Address(10, 0, 0, 9)] {
                    let fact = NetworkFact(address: address, mode: .routes, mtu: 1400).encoded
                    try await pair.a.write([claim, StoreChange(NodeFacts.networkKey("a"), fact)])
                    try await eventually("\(address)") { routes() == ["172.16.8.0/22 via \(address)"] ? true : nil }
                }
                // Each node reports the largest packet of its link.
                #expect(pair.host.plan?.routes.map(\.mtu) == [1400])
                let reported = NetworkFact(address: IPv4Address(10, 0, 0, 2), mode: .routes, mtu: 1500)
                try await eventually("this node reports its own") { pair.a.network(of: "b") == reported ? true : nil }
                #expect(await node.problems == [])
                // Node a is forgotten.
                try await pair.a.write([StoreChange(StoreBucket.network, NetworkKeys.subnet("a"), nil)])
                try await eventually("withdrawn") { routes() == [] ? true : nil }
            }
        }
    }

    /// Containers have IPv4 addresses, so the routes to them lead to IPv4 addresses of hosts.
    @Test func aHostWithoutAnIPv4AddressReportsItAsAProblemWhereThereAreOtherNodes() async throws {
        try await with { pair in
            let node = try await pair.node(address: nil)
            try await running(node) {
                try await holdsTheFirstSubnet(pair, node)
                #expect(await node.problems == [])
                try await pair.receiveClaim(Self.second, of: "a")
                try await eventually("the problem names the setting") {
                    await node.problems.contains { $0.contains("--advertise-addr") } ? true : nil
                }
            }
        }
    }
}

/// A host that records the calls.
private final class FakeSubnetHost: SubnetPort {
    private struct State {
        var used: [IPv4Subnet] = []
        var names: IPv4Subnet?
        var plan: OverlayPlan?
    }

    private let state = Mutex(State())

    /// The subnets that it used, in their order.
    var used: [IPv4Subnet] { state.withLock { $0.used } }
    /// The subnet whose gateway serves names.
    var names: IPv4Subnet? { state.withLock { $0.names } }
    var plan: OverlayPlan? { state.withLock { $0.plan } }

    var problem: String? { nil }

    func use(_ subnet: IPv4Subnet) async throws {
        state.withLock { if $0.used.last != subnet { $0.used.append(subnet) } }
    }

    func repair() async throws {}

    func linkMTU(at address: IPv4Address) async throws -> UInt32? { 1500 }

    func apply(_ plan: OverlayPlan) async throws -> Overlay.Outcome {
        state.withLock { $0.plan = plan }
        return Overlay.Outcome()
    }

    func setMTU(_ mtu: UInt32?, isRenewed: Bool) async throws {}

    func serveNames(on subnet: IPv4Subnet) async { state.withLock { $0.names = subnet } }

    func run() async {}
}

private final class ManualClock: Sendable {
    private let time = Mutex(Duration.zero)

    var now: Duration { time.withLock { $0 } }

    func advance(by step: Duration) { time.withLock { $0 += step } }
}

private final class Counter: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }

    func add() { value.withLock { $0 += 1 } }
}
