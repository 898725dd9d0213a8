/// The node of each replica of an app.
public struct Assignment: Sendable, Hashable {
    private var nodes: [ContainerID: String] = [:]

    /// Creates an empty assignment.
    public init() {}

    /// The id of the node that runs the replica; nil if no node does.
    public subscript(slot: ContainerID) -> String? {
        get { nodes[slot] }
        set { nodes[slot] = newValue }
    }

    /// All replicas, each with the id of its node, in the order of the replicas.
    public var entries: [(slot: ContainerID, node: String)] {
        nodes.sorted { $0.key < $1.key }.map { (slot: $0.key, node: $0.value) }
    }

    /// The replicas of one node, in order.
    public func slots(on node: String) -> [ContainerID] {
        nodes.filter { $0.value == node }.keys.sorted()
    }

    /// The number of replicas.
    public var count: Int { nodes.count }
    /// Whether no replica is assigned.
    public var isEmpty: Bool { nodes.isEmpty }
}

extension Assignment: Codable {
    /// Reads an object from container ids to node ids.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        for (key, node) in try container.decode([String: String].self) {
            guard let slot = ContainerID(key) else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "\(quoted(key)) is not a container id"
                )
            }
            nodes[slot] = node
        }
    }

    /// Writes an object from container ids to node ids.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Dictionary(uniqueKeysWithValues: nodes.map { ($0.key.description, $0.value) }))
    }
}
