/// Comparing everything with one other node: what makes sure where gossip makes fast, and how a node joins.
extension MembershipMachine {
    mutating func comparePeers(using random: inout some RandomNumberGenerator) {
        let peers = pick(1, using: &random) { $0.state == .alive && $0.name != name }
        for slot in peers { effects.append(.pushPull(with: self[slot].endpoint)) }
    }

    /// A node that has just found others compares twice soon: within a probe interval, and within two more. Where many join
    /// at one moment, each is told of those that came before it, and the news of the others are so many that a few pass it
    /// by: they would come with the next push/pull only, up to a minute later. The first finds what was missed where all
    /// came at once, the second where they came within seconds.
    static let earlyComparisons = 2

    mutating func compareSoon(now: GossipTime, using random: inout some RandomNumberGenerator) {
        comparisonsSoon = Self.earlyComparisons
        nextPushPull = min(nextPushPull, now + untilNextComparison(using: &random))
    }

    mutating func untilNextComparison(using random: inout some RandomNumberGenerator) -> Duration {
        guard comparisonsSoon > 0 else {
            return Formulas.pushPullInterval(configuration.pushPullInterval, nodes: presentCount)
        }
        let longest = configuration.probeInterval.nanoseconds * (comparisonsSoon == Self.earlyComparisons ? 1 : 2)
        comparisonsSoon -= 1
        // At moments that differ, or those who joined together would all compare together.
        return .nanoseconds(Int64.random(in: (longest / 2)...max(longest, 0), using: &random))
    }

    /// Everything this node knows, for the other side. Taken before the other's is merged, on both sides.
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

    /// Why a peer's state is not taken.
    public enum MergeError: Error, Sendable, Hashable, CustomStringConvertible {
        /// A node speaks a version that another does not understand.
        case versions(node: String, speaks: UInt8, understood: ClosedRange<UInt8>)
        /// No version is understood by all.
        case noCommonVersion

        public var description: String {
            switch self {
            case .versions(let node, let speaks, let understood):
                "\(node) speaks version \(speaks), and all understand only \(understood.lowerBound) to \(understood.upperBound)"
            case .noCommonVersion: "no version is understood by all nodes"
            }
        }
    }

    /// Takes in what a peer knows. A death is taken for a suspicion: the one who is called dead is heard first.
    ///
    /// - Throws: ``MergeError``; then nothing of it was taken.
    public mutating func merge(
        _ remote: PushPull,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) throws(MergeError) {
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

    /// All that are alive, here and there, must understand what each of them speaks.
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
