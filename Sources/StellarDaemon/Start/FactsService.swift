import ServiceLifecycle
import StellarCore

/// Reports this node's facts and follows those of the others, until the daemon stops.
struct FactsService: ServiceLifecycle.Service {
    var reconciler: Reconciler
    var names: RemoteNames
    var capacity: NodeCapacity

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await reconciler.report(capacity) }
                group.addTask { await reconciler.reportFacts() }
                group.addTask { await names.run() }
            }
        }
    }
}
