import StellarCore
import StellarNet
import Synchronization

/// The nameserver on the gateway of the node's subnet; it follows when the subnet changes.
final class NodeNameserver: Sendable {
    private let make: @Sendable (_ subnet: IPv4Subnet, _ gateway: IPv4Address) -> Nameserver
    private let current = Mutex<(nameserver: Nameserver, subnet: IPv4Subnet)?>(nil)
    private let started: AsyncStream<Nameserver>
    private let starts: AsyncStream<Nameserver>.Continuation

    init(make: @escaping @Sendable (_ subnet: IPv4Subnet, _ gateway: IPv4Address) -> Nameserver) {
        self.make = make
        (started, starts) = AsyncStream.makeStream()
    }

    /// Why the nameserver does not serve; nil when it does, and before the node has a subnet.
    var problem: String? { current.withLock { $0?.nameserver.problem } }

    /// Serves on the subnet's gateway, and on no other address. Where it cannot bind, ``run()`` retries.
    func use(_ subnet: IPv4Subnet) async {
        guard current.withLock({ $0?.subnet }) != subnet, let gateway = subnet.gateway else { return }
        let new = make(subnet, gateway)
        let old = current.withLock { current in
            defer { current = (new, subnet) }
            return current?.nameserver
        }
        await old?.stop()
        _ = try? await new.start()
        starts.yield(new)
    }

    /// Serves until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await nameserver in started { group.addTask { await nameserver.run() } }
        }
    }
}
