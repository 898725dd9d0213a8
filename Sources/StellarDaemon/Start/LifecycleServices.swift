import Logging
import ServiceLifecycle
import StellarNet
import StellarRPC
import StellarRuntime
import StellarStore
import UnixSignals

/// The reconcile loop, until the daemon stops. Containers go on without it.
struct ReconcileService: Service {
    var reconciler: Reconciler
    var runtime: ContainerRuntime

    func run() async throws {
        let (signals, continuation) = AsyncStream.makeStream(of: RuntimeSignal.self)
        // Without containerd there are no events: the log should say so at once.
        continuation.yield(.resynchronize)
        let (reconciler, events) = (reconciler, runtime.events())
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    for await event in events {
                        switch event.kind {
                        case .exited(let status):
                            continuation.yield(.exited(id: event.id, status: status.code))
                        case .resynchronize: continuation.yield(.resynchronize)
                        default: break
                        }
                    }
                    continuation.finish()
                }
                group.addTask { await reconciler.run(events: signals) }
            }
        }
    }
}

/// Commits writes to the store. It is the first to start and the last to stop, as every other service may write until its
/// end.
struct StoreService: Service {
    var store: ReplicatedStore

    func run() async throws {
        await cancelWhenGracefulShutdown { await store.run() }
    }
}

/// Keeps the store and those of other nodes the same. When the daemon stops, it hands this node's last writes to another
/// node; so it stops before gossip, which knows the others.
struct StoreSynchronizationService: Service {
    var store: ReplicatedStore
    var gossip: NodeGossip
    var peers: NodeStorePeers
    var trust: StoreTrust

    func run() async throws {
        await cancelWhenGracefulShutdown { await store.synchronize(gossip: gossip, peers: peers, trust: trust) }
        if trust != .nobody { await store.handOver(to: peers) }
    }
}

/// Gossip, until the daemon stops and has left the cluster, or until a person requests it to leave.
struct GossipService: Service {
    var gossip: NodeGossip

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await gossip.run()
                // A node that left stays out until the next start; the daemon goes on.
                try? await gracefulShutdown()
            }
            group.addTask {
                try await gracefulShutdown()
                await gossip.leave()
            }
            try await group.waitForAll()
        }
    }
}

/// The API, on TCP and on the unix socket. It is the last to start and the first to stop.
struct APIService: Service {
    /// Calls under way end in this time; a create goes on in the reconcile loop, or at the next start.
    static let grace = Duration.seconds(3)

    var servers: [RPCServer]
    var health: RPCHealth

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup { group in
                for server in servers { group.addTask { try await server.run() } }
                group.addTask {
                    try? await gracefulShutdown()
                    health.shutdown()
                    await withDiscardingTaskGroup { group in
                        for server in servers { group.addTask { await server.shutdown(grace: Self.grace) } }
                    }
                }
                try await group.waitForAll()
            }
        } onGracefulShutdown: {
        }
    }
}

/// SIGHUP: certificates are read again at once, and what is wrong with them is in the log. They are also read by themselves
/// when their files changed and a client comes.
struct ReloadService: Service {
    var server: RPCServer
    var logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                let found = try server.reloadCertificates()
                logger.info(found ? "SIGHUP: read the TLS files again" : "SIGHUP: there is nothing to read again")
            } catch {
                logger.error(
                    "SIGHUP: the TLS files cannot be used; the ones before stay in use",
                    metadata: ["error": "\(error)"]
                )
            }
        }
    }
}

/// Takes up the records that other nodes made.
struct RecordService: Service {
    var records: RecordBook

    func run() async throws {
        await cancelWhenGracefulShutdown { await records.run() }
    }
}

/// Keeps the node's subnet, the routes to the other nodes' containers, and the nameserver, until the daemon stops. Subnet and
/// routes stay on the host.
struct NetworkKeeper: Service {
    var network: NodeNetwork

    func run() async throws {
        await cancelWhenGracefulShutdown { await network.run() }
    }
}
