import StellarCore
import StellarNet
import Synchronization

/// The nameserver on the gateway's address; on another one after the node has moved to another subnet.
final class NodeNameserver: Sendable {
    private let make: @Sendable (_ subnet: IPv4Subnet, _ gateway: IPv4Address) -> Nameserver
    private let current = Mutex<(nameserver: Nameserver, subnet: IPv4Subnet)?>(nil)
    private let made: AsyncStream<Nameserver>
    private let making: AsyncStream<Nameserver>.Continuation

    init(make: @escaping @Sendable (_ subnet: IPv4Subnet, _ gateway: IPv4Address) -> Nameserver) {
        self.make = make
        (made, making) = AsyncStream.makeStream()
    }

    /// Why names are not answered; nil when they are, or when there is no subnet to answer in.
    var problem: String? { current.withLock { $0?.nameserver.problem } }

    /// Answers on the subnet's gateway, and nowhere else. Where it cannot, ``run()`` goes on trying.
    func use(_ subnet: IPv4Subnet) async {
        guard current.withLock({ $0?.subnet }) != subnet, let gateway = subnet.gateway else { return }
        let new = make(subnet, gateway)
        let old = current.withLock { current in
            defer { current = (new, subnet) }
            return current?.nameserver
        }
        await old?.stop()
        _ = try? await new.start()
        making.yield(new)
    }

    /// Until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await nameserver in made { group.addTask { await nameserver.run() } }
        }
    }
}
