/// A machine of the cluster, as placement and clients see it.
public struct Node: Sendable, Hashable, Codable, Identifiable {
    /// The node's id: by default its host name.
    public var id: String
    /// Where its API listens, `host:port`.
    public var address: String
    /// What placement preferences are matched against.
    public var labels: Labels

    /// Makes a node.
    public init(id: String, address: String = "", labels: Labels = [:]) {
        self.id = id
        self.address = address
        self.labels = labels
    }
}
