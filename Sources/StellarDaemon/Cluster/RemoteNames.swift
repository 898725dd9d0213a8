import StellarCore
import StellarRPC
import StellarStore

/// The names of the containers of other nodes, from the facts of those nodes; without those of dead nodes.
struct RemoteNames: Sendable {
    /// A daemon that is replaced by a later version is away for seconds, and its containers go on. One that left and
    /// does not come back has likely been shut down with its machine.
    static let leaveGrace = Duration.seconds(60)
    /// How often to look who is there. It costs less than a packet of gossip, of which there are several each second.
    static let period = Duration.seconds(1)

    var own: String
    var store: any StorePort
    var records: RecordBook
    var gossip: any GossipPort

    func run() async {
        let news = store.changes(in: StoreBucket.nodes)
        readAll()
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await change in news {
                    switch change {
                    case .entries(let entries): for entry in entries { read(entry) }
                    case .everything: readAll()
                    }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await look()
                    try? await Task.sleep(for: Self.period)
                }
            }
        }
    }

    func readAll() {
        var all: [String: [ContainerID: [Record]]] = [:]
        for entry in store.entries(StoreBucket.nodes, prefix: "") {
            guard let (node, id) = NodeFacts.slot(entry.key.key), node != own else { continue }
            all[node, default: [:]][id] = Self.records(entry, id, node)
        }
        records.publish(others: all)
    }

    func read(_ entry: StoreEntry) {
        guard let (node, id) = NodeFacts.slot(entry.key.key), node != own else { return }
        records.publish(id, of: node, Self.records(entry, id, node))
    }

    private static func records(_ entry: StoreEntry, _ id: ContainerID, _ node: String) -> [Record] {
        entry.value.flatMap { SlotFact($0) }?.records(id, node: node) ?? []
    }

    func look() async {
        records.setAway(Self.away(await gossip.members()))
    }

    /// Whose containers are not to be found by name.
    static func away(_ members: [ClusterMember]) -> Set<String> {
        Set(
            members.filter { member in
                guard !member.isSelf else { return false }
                switch member.state {
                case .alive, .suspect: return false
                case .dead: return true
                case .left: return member.lastSeen > leaveGrace
                }
            }.map(\.name)
        )
    }
}
