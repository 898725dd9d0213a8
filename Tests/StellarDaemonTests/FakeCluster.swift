import Logging
import StellarAPI
import StellarCore
import StellarGossip
import StellarRPC
import StellarRPCProtobuf
import StellarRuntime
import StellarStorage
import StellarStore
import StellarTestKit
import SwiftProtobuf

@testable import StellarDaemon

/// One node's real Cluster, Health and Node services on a port of loopback; the test sets gossip's members.
struct FakeClusterNode: Sendable {
    var name: String
    var address: String
    var gossip: FakeGossip
    var client: StellarClient
    var cluster: ClusterOperations
    var keyringPath: String

    var store: ReplicatedStore { cluster.store }

    static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// The deadline of the test's own calls, for a busy machine.
    private static let patience = RPCCallOptions(timeout: .seconds(120))

    /// Runs nodes that see each other during `body`.
    ///
    /// - Parameters:
    ///   - keys: each node's keys, by name.
    ///   - containers: the container ids that each node returns, by name.
    ///   - others: further members, which do not run.
    ///   - limit: the longest time for a response between nodes.
    static func with(
        _ names: [String],
        keys: [String: Keyring] = [:],
        containers: [String: [String]] = [:],
        others: [ClusterMember] = [],
        limit: Duration = .seconds(100),
        _ body: ([String: FakeClusterNode]) async throws -> Void
    ) async throws {
        var addresses: [String: String] = [:]
        for name in names { addresses[name] = "127.0.0.1:\(try LoopbackPort.free())" }
        try await TemporaryDirectory.with { directory in
            var nodes: [String: FakeClusterNode] = [:]
            var servers: [RPCServer] = []
            var closers: [@Sendable () async -> Void] = []
            for name in names {
                let address = addresses[name] ?? ""
                let gossip = FakeGossip(
                    try names.map { other in
                        try member(other, api: addresses[other] ?? "", isSelf: other == name)
                    } + others
                )
                let path = "\(directory)/\(name).json"
                let runtime = ContainerRuntime(address: "\(directory)/none.sock", namespace: "x", logger: silent)
                let clients = NodeClients(tls: nil, logger: silent)
                let database = try await Database.open(path: "\(directory)/\(name).db")
                let store = try await ReplicatedStore.alone(database, node: name)
                let cluster = ClusterOperations(
                    own: Node(id: name, address: address, labels: ["name": name]),
                    gossip: gossip,
                    keyring: KeyringKeeper(keys[name], file: KeyringFile(path: path), gossip: gossip),
                    store: store,
                    clients: clients,
                    limit: limit
                )
                let health = HealthService(
                    startedAt: 1000,
                    problems: { ["\(name) is not well"] },
                    peers: { await cluster.nodes().filter { !$0.isSelf && $0.status == .alive } }
                )
                let peer = PeerNodeService(cluster: cluster, health: health, runtime: runtime).service
                let server = RPCServer(
                    services: [
                        ClusterService(cluster: cluster, health: health, runtime: runtime).service, health.service,
                        containers[name].map { Self.service(peer, containers: $0) } ?? peer,
                    ]
                )
                guard let endpoint = HostPort(address) else { throw StartError("no address") }
                _ = try await server.bind(.tcp(host: endpoint.host, port: endpoint.port))
                servers.append(server)
                let rpc = RPCClient(address: .tcp(host: endpoint.host, port: endpoint.port))
                closers.append {
                    await rpc.close()
                    await clients.close()
                    await runtime.close()
                    await database.close()
                }
                nodes[name] = FakeClusterNode(
                    name: name,
                    address: address,
                    gossip: gossip,
                    client: StellarClient(rpc, options: patience),
                    cluster: cluster,
                    keyringPath: path
                )
            }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(nodes))
            } catch {
                outcome = .failure(error)
            }
            for close in closers { await close() }
            for server in servers { await server.shutdown(grace: .zero) }
            try outcome.get()
        }
    }

    /// A node's service for other nodes, with containers.
    private static func service(_ service: RPCService, containers ids: [String]) -> RPCService {
        let containers = RPCMethodHandler.unary(StellarMethods.PeerNode.containers.name) {
            (_: PeerNodeContainersRequest, _: RPCServerCall) async throws -> PeerNodeContainersResponse in
            .with { $0.containers = ids.map { id in .with { $0.id = id } } }
        }
        return RPCService(
            name: service.name,
            methods: service.methods.filter { $0.name != containers.name } + [containers]
        )
    }

    static func member(
        _ name: String,
        api: String,
        state: ClusterMember.State = .alive,
        lastSeen: Duration = .zero,
        conflict: String? = nil,
        isSelf: Bool = false
    ) throws -> ClusterMember {
        ClusterMember(
            name: name,
            address: "10.0.0.1:7946",
            metadata: api.isEmpty ? [] : try NodeAnnouncement(address: api, labels: ["zone": "a"]).metadata().bytes,
            state: state,
            lastSeen: lastSeen,
            conflict: conflict,
            isSelf: isSelf
        )
    }
}

/// Runs a server that accepts calls of `Cluster.Health` and never responds.
func withHangingNode(_ body: (String) async throws -> Void) async throws {
    let port = Int(try LoopbackPort.free())
    let hangs = RPCMethodHandler.unary(StellarMethods.PeerNode.health.name) {
        (_: PeerNodeHealthRequest, _: RPCServerCall) async throws -> PeerNodeHealthResponse in
        try await Task.sleep(for: .seconds(3600))
        return PeerNodeHealthResponse()
    }
    let server = RPCServer(services: [RPCService(name: StellarMethods.PeerNode.serviceName, methods: [hangs])])
    _ = try await server.bind(.tcp(host: "127.0.0.1", port: port))
    do {
        try await body("127.0.0.1:\(port)")
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
    await server.shutdown(grace: .zero)
}
