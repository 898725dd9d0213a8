/// Looking for peers that are not there: the declared ones, and every node that was there once, for ever.
///
/// memberlist forgets a dead node after half a minute, and with it the other half of a cluster that was split for longer.
/// This is what heals such a split, however long it was, and brings a node back whose cluster was away.
///
/// ## Design
/// A value. The time, randomness and what became of tries and members come in; ``takeTries(now:)`` says what to try next,
/// and ``deadline`` when to ask again. It resolves no names and opens no connections.
package struct Rejoin: Sendable {
    /// A try to be made; its end is told with `ended`.
    package struct Try: Sendable, Hashable {
        package var target: Target.Key
        package var address: PeerAddress
    }

    /// Somebody to look for.
    package struct Target: Sendable, Hashable {
        package enum Key: Sendable, Hashable {
            case declared(PeerAddress)
            /// A node, by its name.
            case known(String)
        }

        package let key: Key
        package var address: PeerAddress
        /// What the address was at the last try.
        package var endpoints: [GossipEndpoint] = []
        /// A live node is there, or it is this one.
        package var isReached = false
        package var isTrying = false
        /// Since it was reached last, or began to be looked for.
        package var failures = 0
        package var attempts = 0
        package var lastAttempt: GossipTime?
        package var lastSuccess: GossipTime?
        package var lastError: String?
        /// nil where it is not looked for.
        package var next: GossipTime?
    }

    /// A node that was there.
    package struct Known: Sendable, Hashable {
        package var endpoint: GossipEndpoint
        package var metadata: [UInt8]
        package var incarnation: UInt32 = 0
        package var state: NodeState
        /// Since when it is in this state.
        package var since: GossipTime
        /// When it stopped being alive; while it is alive, nothing.
        package var lastSeen: GossipTime
    }

    /// What became of a try.
    package enum Outcome: Sendable, Hashable {
        /// The name was resolved, and a live member, or this node itself, is at one of the addresses.
        case isMember([GossipEndpoint])
        /// A peer answered.
        case answered([GossipEndpoint])
        case failed([GossipEndpoint], String)
    }

    let configuration: RejoinConfiguration
    private let ownName: String
    package private(set) var targets: [Target.Key: Target] = [:]
    /// In the order in which they were declared or became known, which is the order of tries.
    package private(set) var order: [Target.Key] = []
    package private(set) var known: [String: Known] = [:]
    private var tries = 0
    /// No try before it: see ``RejoinConfiguration/spacing``.
    private var pause: GossipTime
    private let declared: [Target.Key]
    /// When ``takeTries(now:)`` is wanted; nil while it could give nothing.
    package private(set) var deadline: GossipTime?
    /// Counts up with each change of what is to be saved.
    private(set) var version = 0

    package init(name: String, declared: [PeerAddress], configuration: RejoinConfiguration, now: GossipTime) {
        ownName = name
        self.configuration = configuration
        self.declared = declared.map { .declared($0) }
        pause = now
        for address in declared { add(.declared(address), address, next: now) }
    }

    private mutating func add(_ key: Target.Key, _ address: PeerAddress, next: GossipTime?) {
        guard targets[key] == nil else { return }
        targets[key] = Target(key: key, address: address, next: next)
        order.append(key)
        if let next { expect(next) }
    }

    private mutating func removeTarget(_ key: Target.Key) {
        guard let target = targets.removeValue(forKey: key) else { return }
        if target.isTrying { tries -= 1 }
        order.removeAll { $0 == key }
        findDeadline()
    }

    // MARK: Tries

    /// Looks at all: called where a time was taken away. Where one comes, ``expect(_:)`` does.
    private mutating func findDeadline() {
        deadline = nil
        for target in targets.values where !target.isTrying {
            if let next = target.next { expect(next) }
        }
    }

    private mutating func expect(_ next: GossipTime) {
        guard tries < configuration.maximumTries else { return }
        deadline = max(pause, deadline.map { min($0, next) } ?? next)
    }

    /// What is to be tried now.
    package mutating func takeTries(now: GossipTime) -> [Try] {
        guard let deadline, now >= deadline else { return [] }
        // Who has waited longest comes first, so that those who are tried again do not keep others from their first try.
        let waiting = order.compactMap { targets[$0] }
            .filter { !$0.isTrying && $0.next.map { now >= $0 } ?? false }
            .sorted { ($0.next ?? now) < ($1.next ?? now) }
        var due: [Try] = []
        for var target in waiting.prefix(configuration.maximumTries - tries) {
            target.isTrying = true
            target.attempts += 1
            target.lastAttempt = now
            targets[target.key] = target
            due.append(Try(target: target.key, address: target.address))
        }
        tries += due.count
        pause = now + configuration.spacing * due.count
        findDeadline()
        return due
    }

    /// A try has ended. One whose target was forgotten in the meantime is ignored.
    package mutating func ended(
        _ attempt: Try,
        _ outcome: Outcome,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) {
        guard var target = targets[attempt.target], target.isTrying else { return }
        target.isTrying = false
        tries -= 1
        switch outcome {
        case .isMember(let endpoints):
            target.endpoints = endpoints
            target.isReached = true
            target.lastError = nil
        case .answered(let endpoints):
            target.endpoints = endpoints
            target.lastSuccess = now
            target.lastError = nil
            target.isReached = known.values.contains { node in
                node.state == .alive && endpoints.contains { $0.isSame(as: node.endpoint) }
            }
        case .failed(let endpoints, let reason):
            if !endpoints.isEmpty { target.endpoints = endpoints }
            target.isReached = false
            target.lastError = reason
        }
        if case .known(let name) = attempt.target {
            // Its return is told by the membership. Until then it is looked for, even where somebody answered.
            target.isReached = isPresent(name)
            target.failures += 1
            target.next = target.isReached ? nil : now + delay(target.failures, using: &random)
        } else if case .failed = outcome {
            target.failures += 1
            target.next = now + delay(target.failures, using: &random)
        } else {
            // It may be somebody else next time: behind a name, or where an address is translated. Looked up again, at
            // the slowest pace.
            target.failures = 0
            target.next = now + configuration.longestDelay
        }
        targets[attempt.target] = target
        // A place for a try is free, too.
        findDeadline()
    }

    /// `first × factor ^ (failures - 1)`, up to the longest, less the jitter.
    private func delay(_ failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        var delay = configuration.firstDelay
        for _ in 1..<max(failures, 1) where delay < configuration.longestDelay {
            delay = delay * max(configuration.factor, 1)
        }
        return min(delay, configuration.longestDelay)
            * (1 - Double.random(in: 0...1, using: &random) * configuration.jitter)
    }

    private func isPresent(_ name: String) -> Bool {
        known[name].map { $0.state == .alive || $0.state == .suspect } ?? false
    }

    // MARK: Members

    /// A node is alive, or is known under another address or with other metadata.
    package mutating func saw(_ member: Member) {
        guard member.name != ownName else { return }
        let before = known[member.name]
        let node = Known(
            endpoint: member.endpoint,
            metadata: member.metadata,
            incarnation: member.incarnation,
            state: .alive,
            since: member.since,
            lastSeen: member.since
        )
        guard before != nil || makeRoom() else { return }
        known[member.name] = node
        let key = Target.Key.known(member.name)
        let address = PeerAddress(member.endpoint)
        add(key, address, next: nil)
        if var target = targets[key] {
            target.address = address
            target.endpoints = [member.endpoint]
            target.isReached = true
            target.failures = 0
            target.lastError = nil
            let wasAwaited = target.next != nil
            target.next = nil
            targets[key] = target
            if wasAwaited { findDeadline() }
        }
        for key in declared where targets[key]?.endpoints.contains(where: { $0.isSame(as: member.endpoint) }) ?? false {
            targets[key]?.isReached = true
            targets[key]?.lastError = nil
        }
        if before?.endpoint != node.endpoint || before?.metadata != node.metadata || before?.state == .left {
            version += 1
        }
    }

    /// A node died or left.
    package mutating func lost(_ member: Member, now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard var node = known[member.name] else { return }
        node.state = member.state
        node.incarnation = member.incarnation
        node.since = now
        node.lastSeen = member.lastSeen
        known[member.name] = node
        version += 1
        let next = member.state == .left ? nil : now + delay(1, using: &random)
        for key in order {
            guard var target = targets[key] else { continue }
            switch key {
            case .known(member.name):
                target.next = next
            case .declared where target.isReached && target.endpoints.contains { $0.isSame(as: member.endpoint) }:
                target.next = now + delay(1, using: &random)
            default:
                continue
            }
            target.isReached = false
            target.failures = 0
            targets[key] = target
        }
        findDeadline()
    }

    /// Takes what was saved, and looks for those that had not left, at once.
    package mutating func load(_ peers: [KnownPeer], unixSeconds: Int64, now: GossipTime) {
        for peer in peers.prefix(configuration.maximumKnown) where peer.name != ownName && known[peer.name] == nil {
            let age = Duration.seconds(min(max(unixSeconds - peer.lastSeen, 0), Self.oldest))
            let seen = GossipTime(nanoseconds: now.nanoseconds &- age.nanoseconds)
            known[peer.name] = Known(
                endpoint: peer.endpoint,
                metadata: peer.metadata,
                state: peer.hasLeft ? .left : .dead,
                since: seen,
                lastSeen: seen
            )
            add(.known(peer.name), PeerAddress(peer.endpoint), next: peer.hasLeft ? nil : now)
        }
    }

    /// A hundred years, in seconds: a clock that was never set is not believed beyond.
    private static let oldest: Int64 = 100 * 365 * 86_400

    /// What is to be saved, in the order of names.
    package func saved(unixSeconds: Int64, now: GossipTime) -> [KnownPeer] {
        known.sorted { $0.key < $1.key }.map { name, node in
            let age = isPresent(name) ? 0 : Int64((now - node.lastSeen).inSeconds)
            return KnownPeer(
                name: name,
                endpoint: node.endpoint,
                hasLeft: node.state == .left,
                lastSeen: unixSeconds - max(age, 0),
                metadata: node.metadata
            )
        }
    }

    /// Takes a node out of what is known. A declared address stays declared.
    ///
    /// - Returns: whether it was known.
    @discardableResult
    package mutating func forget(_ name: String) -> Bool {
        guard known.removeValue(forKey: name) != nil else { return false }
        removeTarget(.known(name))
        version += 1
        return true
    }

    /// Forgets those that left long ago.
    mutating func forgetTheLeft(now: GossipTime) {
        for (name, node) in known where node.state == .left && now - node.since > configuration.leftRetention {
            forget(name)
        }
    }

    /// - Returns: false where everybody that is known is there.
    private mutating func makeRoom() -> Bool {
        guard known.count >= configuration.maximumKnown else { return true }
        // Those that left first, then by age; by name, so that it is decided.
        let goner = known.filter { !isPresent($0.key) }.min { one, other in
            let (first, second) = (one.value, other.value)
            if (first.state == .left) != (second.state == .left) { return first.state == .left }
            if first.lastSeen != second.lastSeen { return first.lastSeen < second.lastSeen }
            return one.key < other.key
        }
        guard let goner else { return false }
        forget(goner.key)
        return true
    }
}

extension GossipEndpoint {
    /// Whether both mean one socket, whatever the forms of their addresses.
    func isSame(as other: GossipEndpoint) -> Bool { port == other.port && address.isSameHost(as: other.address) }
}
