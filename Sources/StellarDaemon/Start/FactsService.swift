import ServiceLifecycle
import StellarCore

/// ``RemoteNames`` and what this node tells the others, until the daemon stops.
struct FactsService: ServiceLifecycle.Service {
    var reconciler: Reconciler
    var names: RemoteNames
    var capacity: NodeCapacity

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await reconciler.tell(capacity) }
                group.addTask { await reconciler.tellFacts() }
                group.addTask { await names.run() }
            }
        }
    }
}
