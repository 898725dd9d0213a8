/// Which node runs which slot.
public struct Assignment: Sendable, Hashable {
    private var nodes: [ContainerID: String] = [:]

    /// Makes an empty assignment.
    public init() {}

    /// The id of the node that runs the slot.
    public subscript(slot: ContainerID) -> String? {
        get { nodes[slot] }
        set { nodes[slot] = newValue }
    }

    /// Every slot with its node, in the order of the slots.
    public var entries: [(slot: ContainerID, node: String)] {
        nodes.sorted { $0.key < $1.key }.map { (slot: $0.key, node: $0.value) }
    }

    /// The slots of one node, in order.
    public func slots(on node: String) -> [ContainerID] {
        nodes.filter { $0.value == node }.keys.sorted()
    }

    /// The number of slots.
    public var count: Int { nodes.count }
    /// Whether there is no slot.
    public var isEmpty: Bool { nodes.isEmpty }
}

extension Assignment: Codable {
    /// Reads an object of container ids and node ids.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        for (key, node) in try container.decode([String: String].self) {
            guard let slot = ContainerID(key) else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "\(quoted(key)) is no container id"
                )
            }
            nodes[slot] = node
        }
    }

    /// Writes an object of container ids and node ids.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Dictionary(uniqueKeysWithValues: nodes.map { ($0.key.description, $0.value) }))
    }
}
