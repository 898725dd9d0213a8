/// Which nodes may run a service: those listed, or those that carry all the labels.
public struct PlacementPreference: Sendable, Hashable, Codable {
    /// Ids of nodes that may run it.
    public var nodeIDs: [String]
    /// Labels that a node must have, all of them, to run it. An empty value on the node matches any wanted value.
    public var labels: Labels

    /// Makes a preference; an empty one allows every node.
    public init(nodeIDs: [String] = [], labels: Labels = [:]) {
        self.nodeIDs = nodeIDs
        self.labels = labels
    }

    /// Whether it says anything.
    public var isEmpty: Bool { nodeIDs.isEmpty && labels.isEmpty }
}
