/// Which nodes may run a service, and how its replicas are spread over them.
///
/// A node may run the service if ``nodeIDs`` lists it or if it has all ``labels``. If both are empty, every node may.
public struct PlacementPreference: Sendable, Hashable {
    /// The ids of nodes that may run the service.
    public var nodeIDs: [String]
    /// The labels of nodes that may run the service. An empty value on the node matches any value here.
    public var labels: Labels
    /// Keys of node labels. Placement spreads the replicas evenly over the values of the first label, then of the
    /// second. Nodes without the label count as one group.
    public var spread: [String]
    /// The most replicas of the service on one node; nil is no limit.
    public var maxReplicasPerNode: Int?

    /// Creates a preference; without arguments, it allows every node.
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

    /// Whether it changes nothing: every node is allowed, without spread and limit.
    public var isEmpty: Bool { allowsEveryNode && spread.isEmpty && maxReplicasPerNode == nil }

    /// Whether every node may run the service.
    public var allowsEveryNode: Bool { nodeIDs.isEmpty && labels.isEmpty }
}
