/// Looks for lost peers: the declared ones, and every node that was once a member, without an end.
///
/// memberlist forgets a dead node after half a minute, and with it the other half of a cluster that was split for
/// longer. This machine heals every split, however long, and lets a node find its cluster again after both were down.
///
/// ## Design
/// A value. The time, randomness, results of attempts and changes of members come in; ``takeAttempts(now:)`` returns
/// the attempts to start, and ``deadline`` is the time of the next call. It resolves no names and opens no connections.
package struct Rejoin: Sendable {
    /// An attempt to reach a peer. Its result goes to `ended`.
    package struct Attempt: Sendable, Hashable {
        package var target: Target.Key
        package var address: PeerAddress
    }

    /// A peer to look for.
    package struct Target: Sendable, Hashable {
        package enum Key: Sendable, Hashable {
            case declared(PeerAddress)
            /// A node, by its name.
            case known(String)
        }

        package let key: Key
        package var address: PeerAddress
        /// What the address resolved to at the last attempt.
        package var endpoints: [GossipEndpoint] = []
        /// A live node is at the address, or it is this node's own.
        package var isReached = false
        package var isRunning = false
        /// Failed attempts since it was last reached, or since the search started.
        package var failures = 0
        package var attempts = 0
        package var lastAttempt: GossipTime?
        package var lastSuccess: GossipTime?
        package var lastError: String?
        /// The time of the next attempt; nil if none is planned.
        package var next: GossipTime?
    }

    /// A node that is or was a member.
    package struct Known: Sendable, Hashable {
        package var endpoint: GossipEndpoint
        package var metadata: [UInt8]
        package var incarnation: UInt32 = 0
        package var state: NodeState
        /// When it entered this state.
        package var since: GossipTime
        /// When it was last seen alive; meaningless while it is alive.
        package var lastSeen: GossipTime
    }

    /// The result of an attempt.
    package enum Outcome: Sendable, Hashable {
        /// The name was resolved, and a live member, or this node itself, is at one of the addresses.
        case isMember([GossipEndpoint])
        /// A peer responded.
        case answered([GossipEndpoint])
        case failed([GossipEndpoint], String)
    }

    let configuration: RejoinConfiguration
    private let ownName: String
    package private(set) var targets: [Target.Key: Target] = [:]
    /// In the order in which they were declared or became known. Attempts that are due at one time follow it.
    package private(set) var order: [Target.Key] = []
    package private(set) var known: [String: Known] = [:]
    private var running = 0
    /// No attempt starts before it: see ``RejoinConfiguration/spacing``.
    private var pause: GossipTime
    private let declared: [Target.Key]
    /// When to call ``takeAttempts(now:)``; nil while it has nothing to return.
    package private(set) var deadline: GossipTime?
    /// Counts the changes of the peers to save.
    private(set) var version = 0

    package init(name: String, declared: [PeerAddress], configuration: RejoinConfiguration, now: GossipTime) {
        ownName = name
        self.configuration = configuration
        self.declared = declared.map { .declared($0) }
        pause = now
        for address in declared { add(.declared(address), address, next: now) }
        assert(checkInvariants())
    }

    private mutating func add(_ key: Target.Key, _ address: PeerAddress, next: GossipTime?) {
        guard targets[key] == nil else { return }
        targets[key] = Target(key: key, address: address, next: next)
        order.append(key)
        if let next { expect(next) }
    }

    private mutating func removeTarget(_ key: Target.Key) {
        guard let target = targets.removeValue(forKey: key) else { return }
        if target.isRunning { running -= 1 }
        order.removeAll { $0 == key }
        findDeadline()
    }

    // MARK: Attempts

    /// Computes the deadline from all targets, after one became later or was removed. For a new time ``expect(_:)``
    /// suffices.
    private mutating func findDeadline() {
        deadline = nil
        for target in targets.values where !target.isRunning {
            if let next = target.next { expect(next) }
        }
    }

    private mutating func expect(_ next: GossipTime) {
        guard running < configuration.maximumAttempts else { return }
        deadline = max(pause, deadline.map { min($0, next) } ?? next)
    }

    /// Returns the attempts to start now.
    package mutating func takeAttempts(now: GossipTime) -> [Attempt] {
        guard let deadline, now >= deadline else { return [] }
        // The target that has waited longest comes first, so that repeated attempts do not delay the first attempts of
        // others.
        let waiting = order.compactMap { targets[$0] }
            .filter { !$0.isRunning && $0.next.map { now >= $0 } ?? false }
            .sorted { ($0.next ?? now) < ($1.next ?? now) }
        var due: [Attempt] = []
        for var target in waiting.prefix(configuration.maximumAttempts - running) {
            target.isRunning = true
            target.attempts += 1
            target.lastAttempt = now
            targets[target.key] = target
            due.append(Attempt(target: target.key, address: target.address))
        }
        running += due.count
        pause = now + configuration.spacing * due.count
        findDeadline()
        assert(checkInvariants())
        return due
    }

    /// Takes the result of an attempt. It is ignored if the target was forgotten meanwhile.
    package mutating func ended(
        _ attempt: Attempt,
        _ outcome: Outcome,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) {
        guard var target = targets[attempt.target], target.isRunning else { return }
        target.isRunning = false
        running -= 1
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
            // Only the membership knows when the node is back. Until then the search continues, even if a peer
            // responded.
            target.isReached = isPresent(name)
            target.failures += 1
            // It may have left while the attempt ran.
            let isSought = !target.isReached && known[name]?.state != .left
            target.next = isSought ? now + delay(target.failures, using: &random) : nil
        } else if case .failed = outcome {
            target.failures += 1
            target.next = now + delay(target.failures, using: &random)
        } else {
            // Next time another node may be there, behind a name or a translated address. So check it again, at the
            // slowest pace.
            target.failures = 0
            target.next = now + configuration.longestDelay
        }
        targets[attempt.target] = target
        // Also because a place for an attempt is free now.
        findDeadline()
        assert(checkInvariants())
    }

    /// The delay before the next attempt: `first × factor ^ (failures - 1)`, up to the longest, less the jitter.
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

    /// A node joined, or its address or metadata changed.
    package mutating func saw(_ member: Member) {
        guard member.name != ownName else { return }
        defer { assert(checkInvariants()) }
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
        assert(checkInvariants())
    }

    /// Takes the saved peers, and looks at once for those that had not left.
    package mutating func load(_ peers: [KnownPeer], unixSeconds: Int64, now: GossipTime) {
        for peer in peers.prefix(configuration.maximumKnown) where peer.name != ownName && known[peer.name] == nil {
            // Clamped before the subtraction, which a damaged file could make overflow.
            let lastSeen = max(peer.lastSeen, unixSeconds - Self.oldest)
            let age = Duration.seconds(max(unixSeconds - lastSeen, 0))
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
        assert(checkInvariants())
    }

    /// A hundred years, in seconds: the longest age that is believed, in case the clock was never set.
    private static let oldest: Int64 = 100 * 365 * 86_400

    /// The peers to save, sorted by name.
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

    /// Forgets a known node. A declared address stays declared.
    ///
    /// - Returns: whether the node was known.
    @discardableResult
    package mutating func forget(_ name: String) -> Bool {
        guard known.removeValue(forKey: name) != nil else { return false }
        removeTarget(.known(name))
        version += 1
        assert(checkInvariants())
        return true
    }

    /// Forgets nodes that left longer ago than ``RejoinConfiguration/leftRetention``.
    mutating func forgetTheLeft(now: GossipTime) {
        for (name, node) in known where node.state == .left && now - node.since > configuration.leftRetention {
            forget(name)
        }
    }

    /// Forgets a dead or left node if the limit is reached.
    ///
    /// - Returns: false if there is no room because all known nodes are alive.
    private mutating func makeRoom() -> Bool {
        guard known.count >= configuration.maximumKnown else { return true }
        // Nodes that left first, then the ones not seen for the longest time, then by name, so that the choice is
        // determined.
        let oldest = known.filter { !isPresent($0.key) }.min { one, other in
            let (first, second) = (one.value, other.value)
            if (first.state == .left) != (second.state == .left) { return first.state == .left }
            if first.lastSeen != second.lastSeen { return first.lastSeen < second.lastSeen }
            return one.key < other.key
        }
        guard let oldest else { return false }
        forget(oldest.key)
        return true
    }

    // MARK: Invariants

    /// Asserts what must hold after every event, in debug builds only. It looks at all targets, as most events do.
    ///
    /// - Returns: true, so that a release build can leave it out: `assert(checkInvariants())`.
    private func checkInvariants() -> Bool {
        // Each known node is searched exactly when it is not alive, so it needs exactly one target.
        assert(order.count == targets.count, "a target has no place in the order")
        assert(targets.count == known.count + Set(declared).count, "a known node has no target, or a forgotten one has")
        // Peers that were named by strangers must not fill memory and disk.
        assert(known.count <= max(configuration.maximumKnown, 0), "too many known nodes")
        var (runningTargets, earliest) = (0, GossipTime?.none)
        for (key, target) in targets {
            if target.isRunning { runningTargets += 1 }
            if !target.isRunning, let next = target.next { earliest = earliest.map { min($0, next) } ?? next }
            guard case .known(let name) = key else { continue }
            assert(known[name] != nil, "\(name) is searched, but not known")
            assert(target.isReached == isPresent(name), "\(name) is reached, and not alive, or the other way round")
            // Attempts to reach an alive or a left node would never end.
            let mayHaveNext = !isPresent(name) && known[name]?.state != .left
            assert(target.next == nil || mayHaveNext, "an attempt for \(name) is planned, which is alive or left")
            // A dead node without a next attempt would stay lost, and the split would not heal.
            assert(target.next != nil || target.isRunning || !mayHaveNext, "no attempt for \(name) is planned")
        }
        // A leaked place for an attempt would block all attempts in the end.
        assert(running == runningTargets && running <= configuration.maximumAttempts, "attempts are miscounted")
        // A missed deadline would stop the search silently.
        let expected = running < configuration.maximumAttempts ? earliest.map { max(pause, $0) } : nil
        assert(deadline == expected, "the deadline is not that of the next attempt")
        return true
    }
}

extension GossipEndpoint {
    /// Whether both are the same socket, in any form of the address.
    func isSame(as other: GossipEndpoint) -> Bool { port == other.port && address.isSameHost(as: other.address) }
}
