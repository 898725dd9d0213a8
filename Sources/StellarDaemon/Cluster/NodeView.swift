import StellarAPI
import StellarCore
import SwiftProtobuf

/// One node of the cluster as this one sees it: its state in gossip, and whether a call to it failed.
struct NodeView: Sendable, Hashable {
    enum Status: String, Sendable, Hashable {
        case alive, suspect, dead, left
        /// It is alive in gossip, and does not respond to calls.
        case unreachable
        /// Gossip does not know it.
        case unknown

        /// Why a node with this status is not alive, in words.
        fileprivate var reason: String {
            switch self {
            case .alive, .unreachable: ""
            case .suspect: "it did not answer a ping"
            case .dead: "it answers no pings"
            case .left: "it left the cluster"
            case .unknown: "gossip has not met it"
            }
        }
    }

    var id: String
    /// `host:port` of its API; empty where it announces none.
    var address: String
    var labels: Labels
    var status: Status
    /// Why a call to it failed, in words.
    private var failure: String?
    /// Ago.
    var lastSeen: Duration
    /// `host:port` of the gossip of a second live node with this name.
    var conflict: String?
    /// `host:port` of its gossip.
    var gossipAddress: String
    var isSelf: Bool

    /// Why it is not alive, or did not do its share, in words.
    var reason: String { failure ?? status.reason }

    /// Whether a call to it may succeed.
    var isReachable: Bool { !isSelf && !address.isEmpty && (status == .alive || status == .suspect) }

    /// Whether it can do its share of a command now, as far as is known.
    var isAvailable: Bool { isSelf || isReachable }

    /// Whether it gets containers that it does not have yet. One that did not respond to a ping is likely to be dead soon.
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
        case .alive: status = .alive
        case .suspect: status = .suspect
        case .dead: status = .dead
        case .left: status = .left
        }
    }

    private init(_ id: String, address: String = "", _ status: Status, isSelf: Bool) {
        (self.id, self.address, self.status, self.isSelf) = (id, address, status, isSelf)
        (labels, lastSeen, gossipAddress) = (Labels(), .zero, "")
    }

    static func own(_ node: Node) -> NodeView {
        var view = NodeView(node.id, address: node.address, .alive, isSelf: true)
        view.labels = node.labels
        return view
    }

    /// A node that a record or a command names, and that gossip does not know.
    static func unknown(_ id: String) -> NodeView {
        NodeView(id, .unknown, isSelf: false)
    }

    /// Why there is nothing from it now, in words: `ctr-02 is dead (it answers no pings), last seen 3 minutes ago`.
    var standing: String {
        let seen = status == .dead || status == .left ? ", last seen \(RelativeTime.format(lastSeen)) ago" : ""
        return "\(id) is \(status.rawValue)\(reason.isEmpty ? "" : " (\(reason))")\(seen)"
    }

    /// The node after a call failed to which any node responds.
    func unanswered(_ why: String) -> NodeView {
        var view = without(why)
        if status == .alive { view.status = .unreachable }
        return view
    }

    /// The node after it did not do its share, for a reason that may be its own.
    func without(_ why: String) -> NodeView {
        var view = self
        view.failure = why
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
