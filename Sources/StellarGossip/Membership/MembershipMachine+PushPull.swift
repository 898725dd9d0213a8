/// Push/pull: exchanging the whole state with one other node. Gossip is fast; push/pull repairs what gossip missed, and
/// is how a node joins.
extension MembershipMachine {
    mutating func startPushPull(using random: inout some RandomNumberGenerator) {
        let peers = pick(1, using: &random) { $0.state == .alive && $0.name != name }
        for slot in peers { effects.append(.pushPull(with: self[slot].endpoint)) }
    }

    /// Early push/pulls of a node that has just found others: one within a probe interval, and one within two more.
    ///
    /// If many nodes join at one moment, each one receives the nodes that joined before it, and so much gossip about
    /// the others that it can miss a few: those would come with the next push/pull only, up to a minute later. The
    /// first early push/pull finds them if all nodes joined at once, the second if they joined within seconds.
    static let earlyPushPulls = 2

    mutating func schedulePushPullsSoon(now: GossipTime, using random: inout some RandomNumberGenerator) {
        earlyPushPullsLeft = Self.earlyPushPulls
        nextPushPull = min(nextPushPull, now + pushPullDelay(using: &random))
    }

    mutating func pushPullDelay(using random: inout some RandomNumberGenerator) -> Duration {
        guard earlyPushPullsLeft > 0 else {
            return Formulas.pushPullInterval(configuration.pushPullInterval, nodes: presentCount)
        }
        let longest = configuration.probeInterval.nanoseconds * (earlyPushPullsLeft == Self.earlyPushPulls ? 1 : 2)
        earlyPushPullsLeft -= 1
        // Random, or nodes that joined together would all start their push/pulls together.
        return .nanoseconds(Int64.random(in: (longest / 2)...max(longest, 0), using: &random))
    }

    /// The whole state of this node, for a push/pull. Both sides take it before they merge the other's.
    public func localState(isJoin: Bool) -> PushPull {
        let nodes = order.compactMap { slots[$0] }.map { member in
            PushPullNode(
                name: member.name,
                address: member.address,
                port: member.port,
                metadata: member.metadata,
                incarnation: member.incarnation,
                state: member.state,
                versions: member.versions
            )
        }
        return PushPull(nodes: nodes, isJoin: isJoin)
    }

    /// Why a peer's state cannot be merged.
    public enum MergeError: Error, Sendable, Hashable, CustomStringConvertible {
        /// A node speaks a version that another does not understand.
        case versions(node: String, speaks: UInt8, understood: ClosedRange<UInt8>)
        /// The nodes have no common version.
        case noCommonVersion

        public var description: String {
            switch self {
            case .versions(let node, let speaks, let understood):
                "\(node) speaks version \(speaks) of the protocol; all nodes understand only "
                    + "\(understood.lowerBound) to \(understood.upperBound)"
            case .noCommonVersion: "the nodes have no common version of the protocol"
            }
        }
    }

    /// Merges a peer's state. A dead node counts as suspected, so that it can refute first.
    ///
    /// - Throws: ``MergeError``; then nothing was merged.
    public mutating func merge(
        _ remote: PushPull,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) throws(MergeError) {
        defer { assert(checkInvariants() && checkTables()) }
        noticeSleep(now: now, using: &random)
        try checkVersions(remote.nodes)
        for node in remote.nodes {
            switch node.state {
            case .alive:
                let claim = Alive(
                    node: node.name,
                    incarnation: node.incarnation,
                    address: node.address,
                    port: node.port,
                    metadata: node.metadata,
                    versions: node.versions
                )
                receive(claim, now: now, using: &random)
            case .left:
                receive(Dead(node: node.name, incarnation: node.incarnation, from: node.name), now: now)
            case .suspect, .dead:
                receive(Suspect(node: node.name, incarnation: node.incarnation, from: name), now: now)
            }
        }
    }

    /// Every live node, of both states, must understand the version that each of them speaks.
    private func checkVersions(_ remote: [PushPullNode]) throws(MergeError) {
        var all: [(String, ProtocolVersions)] = remote.compactMap { node in
            guard node.state == .alive, let versions = node.versions else { return nil }
            return (node.name, versions)
        }
        for slot in order {
            if let member = slots[slot], member.state == .alive { all.append((member.name, member.versions)) }
        }
        let minimum = all.map(\.1.minimum).max() ?? 1
        let maximum = all.map(\.1.maximum).min() ?? 1
        guard minimum <= maximum else { throw .noCommonVersion }
        for (name, versions) in all where !(minimum...maximum).contains(versions.current) {
            throw .versions(node: name, speaks: versions.current, understood: minimum...maximum)
        }
    }
}
