import Logging
import StellarCore
import StellarRuntime
import StellarStore

/// The containers of this node: containerd, and the reconciler that acts on it.
struct RuntimeArea: Sendable {
    var runtime: ContainerRuntime
    var port: ContainerdPort
    var reconciler: Reconciler

    static func make(
        _ context: DaemonContext,
        _ disk: StoreArea,
        _ network: NetworkArea,
        gossip: NodeGossip
    ) -> RuntimeArea {
        let configuration = context.configuration
        let runtime = ContainerRuntime(
            address: configuration.containerdAddress,
            namespace: configuration.namespace,
            logger: context.logger("runtime")
        )
        context.resources.add { await runtime.close() }
        var pullOptions = PullOptions()
        if !configuration.registryHostsDirectories.isEmpty {
            pullOptions.registry.hostsDirectories = configuration.registryHostsDirectories
        }
        let port = ContainerdPort(runtime: runtime, pullOptions: pullOptions)
        let runner = SlotRunner(
            runtime: port,
            network: HostNetwork(network: network.network, nodeNetwork: network.nodeNetwork),
            files: network.files,
            processes: HostProcesses(namespace: configuration.namespace),
            puller: ImagePuller(runtime: port)
        )
        let reconciler = reconciler(context, disk, runner, gossip: gossip)
        context.problems.register(.node) { [await reconciler.problem, reconciler.book.problem].compactMap { $0 } }
        return RuntimeArea(runtime: runtime, port: port, reconciler: reconciler)
    }

    private static func reconciler(
        _ context: DaemonContext,
        _ disk: StoreArea,
        _ runner: SlotRunner,
        gossip: NodeGossip
    ) -> Reconciler {
        let store = disk.store
        return Reconciler(
            node: context.node,
            runner: runner,
            book: LiveAppBook(store: store, logger: context.logger("apps")),
            journal: JournalBook(database: disk.database),
            addresses: disk.addresses,
            records: disk.records,
            awaitsOthers: {
                guard await !gossip.peers().isEmpty else { return false }
                let isAlone = await !gossip.members().contains { !$0.isSelf && $0.state == .alive }
                return isAlone || !store.hasSynced
            },
            logger: context.logger("reconcile")
        )
    }
}
