import StellarSystem

/// Sends own writes to the nodes that gossip missed.
///
/// Gossip sends a message to a few random nodes, a few times, and forgets it: by chance alone one write in a hundred misses
/// one of thirty nodes, and with loss more do. The watermarks show the origin which nodes these are. It sends them the
/// write, to some nodes in each round, until they report that they have it.
extension StoreMachine {
    /// Own writes that are on their way.
    struct Watched: Sendable {
        /// All up to here.
        var upTo: StoreStamp
        /// When the next round is due.
        var at: MonotonicTime
        /// Rounds that were made.
        var rounds = 0
    }

    /// A broadcast message with own writes.
    struct RecentRun: Sendable {
        var previous: StoreStamp
        var upTo: StoreStamp
        var message: [UInt8]
    }

    /// Nodes of one round. A node that misses more than the recent runs begins an exchange, and this node can serve few at
    /// once.
    private static let maximumResends = 4
    /// Rounds for one write. More messages do not help a node that has not reported after these; probes find it.
    static let maximumRounds = 8
    /// Messages that are kept to be sent again.
    private static let maximumRecentRuns = 8

    /// Watches the arrival of own writes.
    mutating func watchArrival(now: StoreTime) {
        guard !alive.isEmpty else { return }
        // Writes that are made before the first round are watched in the round after it.
        if let watched, watched.rounds == 0 { return }
        watched = Watched(upTo: ownStamp, at: now.monotonic + configuration.resendAfter)
    }

    mutating func remember(_ run: StoreRun, _ message: [UInt8]) {
        recent.append(RecentRun(previous: run.previous, upTo: run.upTo, message: message))
        if recent.count > Self.maximumRecentRuns { recent.removeFirst() }
        assert(areRecentRunsInOrder, "own writes went out in another order than they were made in")
    }

    mutating func resend(now: StoreTime, using random: inout some RandomNumberGenerator) {
        guard var watched, watched.at <= now.monotonic else { return }
        let behind = alive.filter { (known[$0]?[name] ?? .zero) < watched.upTo }
        for node in behind.shuffled(using: &random).prefix(Self.maximumResends) { resend(to: node) }
        watched.at = now.monotonic + configuration.resendAfter
        watched.rounds += 1
        if watched.upTo < ownStamp {
            self.watched = Watched(upTo: ownStamp, at: watched.at)
        } else if behind.isEmpty || watched.rounds == Self.maximumRounds {
            self.watched = nil
            recent = []
        } else {
            self.watched = watched
        }
    }

    /// Sends what the node misses, if that is kept, and a notice: the node reports what it has, or begins an exchange.
    private mutating func resend(to node: String) {
        counters.resent += 1
        let reached = known[node]?[name] ?? .zero
        let missing = recent.drop { $0.upTo <= reached }
        if let first = missing.first, first.previous <= reached {
            for run in missing { effects.append(.send(run.message, to: node)) }
        }
        let notice = StoreMessage.notice(holder: name, VersionVector([name: ownStamp]))
        effects.append(.send(notice.encoded(), to: node))
    }
}
