/// Which nodes may run a service (those listed, or those that carry all the labels), and how its replicas are spread over
/// them.
public struct PlacementPreference: Sendable, Hashable, Codable {
    /// Ids of nodes that may run it.
    public var nodeIDs: [String]
    /// Labels that a node must have, all of them, to run it. An empty value on the node matches any wanted value.
    public var labels: Labels
    /// Keys of node labels over whose values the replicas are spread evenly, the first before the second. Nodes without the
    /// label count as if they had one value in common.
    public var spread: [String]
    /// The most replicas that one node may run; nil is no limit.
    public var maxReplicasPerNode: Int?

    /// Makes a preference; an empty one allows every node.
    public init(
        nodeIDs: [String] = [],
        labels: Labels = [:],
        spread: [String] = [],
        maxReplicasPerNode: Int? = nil
    ) {
        self.nodeIDs = nodeIDs
        self.labels = labels
        self.spread = spread
        self.maxReplicasPerNode = maxReplicasPerNode
    }

    /// Whether it says nothing.
    public var isEmpty: Bool { allowsEveryNode && spread.isEmpty && maxReplicasPerNode == nil }

    /// Whether it leaves out no node.
    public var allowsEveryNode: Bool { nodeIDs.isEmpty && labels.isEmpty }
}
