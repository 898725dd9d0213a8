import StellarAPI
import StellarCore
import SwiftProtobuf

/// One node of the cluster as this one sees it: what gossip says, and then whether it answered.
struct NodeView: Sendable, Hashable {
    enum Status: String, Sendable, Hashable {
        case alive, suspect, dead, left
        /// Gossip has it as alive, and it does not answer calls.
        case unreachable
        /// Gossip does not know it.
        case unknown
    }

    var id: String
    /// `host:port` of its API; empty where it announces none.
    var address: String
    var labels: Labels
    var status: Status
    /// Why it is not alive, in words.
    var reason: String
    /// Ago.
    var lastSeen: Duration
    /// `host:port` of the gossip of a second live node with this name.
    var conflict: String?
    /// `host:port` of its gossip.
    var gossipAddress: String
    var isSelf: Bool

    /// Whether there is any sense in a call to it.
    var isReachable: Bool { !isSelf && !address.isEmpty && (status == .alive || status == .suspect) }

    /// Whether it can do its share of a command now, as far as is known.
    var isAvailable: Bool { isSelf || isReachable }

    /// Whether it gets containers that it does not have yet. One that did not answer a ping is likely to be dead soon.
    var takesContainers: Bool { isSelf || (isReachable && status == .alive) }

    /// Whether it is one of all nodes: a node that left is not.
    var belongs: Bool { status != .left || isSelf }

    /// All nodes: this one first, the others by name.
    ///
    /// - Parameter own: This node, with all its labels.
    static func all(_ members: [ClusterMember], own: Node) -> [NodeView] {
        let views = members.sorted { $0.name < $1.name }.map { NodeView($0, own: own) }
        let mine = views.filter(\.isSelf)
        return (mine.isEmpty ? [itself(own)] : mine) + views.filter { !$0.isSelf }
    }

    /// This node, whatever gossip says of it.
    static func itself(_ own: Node) -> NodeView {
        NodeView(ClusterMember(name: own.id, address: "", isSelf: true), own: own)
    }

    private init(_ member: ClusterMember, own: Node) {
        let announced =
            member.isSelf
            ? NodeAnnouncement(address: own.address, labels: own.labels) : NodeAnnouncement(metadata: member.metadata)
        id = member.name
        (address, labels) = (announced.address, announced.labels)
        (lastSeen, conflict, gossipAddress) = (member.lastSeen, member.conflict, member.address)
        isSelf = member.isSelf
        switch member.state {
        case .alive: (status, reason) = (.alive, "")
        case .suspect: (status, reason) = (.suspect, "it did not answer a ping")
        case .dead: (status, reason) = (.dead, "it answers no pings")
        case .left: (status, reason) = (.left, "it left the cluster")
        }
    }

    private init(_ id: String, address: String = "", _ status: Status, _ reason: String, isSelf: Bool) {
        (self.id, self.address, self.status, self.reason, self.isSelf) = (id, address, status, reason, isSelf)
        (labels, lastSeen, gossipAddress) = (Labels(), .zero, "")
    }

    static func own(_ node: Node) -> NodeView {
        var view = NodeView(node.id, address: node.address, .alive, "", isSelf: true)
        view.labels = node.labels
        return view
    }

    /// A node that is spoken of, and that gossip does not know.
    static func unknown(_ id: String) -> NodeView {
        NodeView(id, .unknown, "gossip has not met it", isSelf: false)
    }

    /// Why there is nothing from it now, in words: `ctr-02 is dead (it answers no pings), last seen 3 minutes ago`.
    var standing: String {
        let seen = status == .dead || status == .left ? ", last seen \(RelativeTime.format(lastSeen)) ago" : ""
        return "\(id) is \(status.rawValue)\(reason.isEmpty ? "" : " (\(reason))")\(seen)"
    }

    /// After a call to it failed that any node answers.
    func unanswered(_ why: String) -> NodeView {
        var view = without(why)
        if status == .alive { view.status = .unreachable }
        return view
    }

    /// After it did not do its share, for a reason that may be its own.
    func without(_ why: String) -> NodeView {
        var view = self
        view.reason = why
        return view
    }

    /// - Parameter now: seconds since 1970.
    func message(now: Int64) -> ClusterNode {
        var message = ClusterNode()
        message.id = id
        message.address = address
        message.labels = labels.dictionary
        message.status = status.rawValue
        message.reason = reason
        message.lastSeen.seconds = now - lastSeen.components.seconds
        message.conflict = conflict ?? ""
        message.gossipAddress = gossipAddress
        return message
    }
}
