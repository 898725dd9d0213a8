import StellarSystem

/// Sending own writes to those whom gossip missed.
///
/// Gossip gives a message to a few nodes at random, a few times, and forgets it: by chance alone one write in a hundred
/// misses one of thirty nodes, and with loss more do. Whoever wrote it knows by the watermarks who that is, and sends it
/// there, some of them in each round, until they say that they have it.
extension StoreMachine {
    /// Own writes that are on their way.
    struct Watched: Sendable {
        /// All up to here.
        var upTo: StoreStamp
        /// When it is looked next who has not got them.
        var at: MonotonicTime
        /// How often it was.
        var rounds = 0
    }

    /// A message with own writes, as gossip got it.
    struct RecentRun: Sendable {
        var previous: StoreStamp
        var upTo: StoreStamp
        var message: [UInt8]
    }

    /// To so many it is sent in a round. Whoever misses more than the recent runs comes for it, and there are not to be
    /// more of them at once than this node can serve.
    private static let maximumResends = 4
    /// Who has not answered after so many has trouble that more messages do not mend: probes find it.
    static let maximumRounds = 8
    /// So many messages are kept for it.
    private static let maximumRecentRuns = 8

    /// Something was written here.
    mutating func watchArrival(now: StoreTime) {
        guard !present.isEmpty else { return }
        // What is written before the first round is looked for in the one after it.
        if let watched, watched.rounds == 0 { return }
        watched = Watched(upTo: ownStamp, at: now.monotonic + configuration.resendAfter)
    }

    mutating func remember(_ run: StoreRun, _ message: [UInt8]) {
        recent.append(RecentRun(previous: run.previous, upTo: run.upTo, message: message))
        if recent.count > Self.maximumRecentRuns { recent.removeFirst() }
    }

    mutating func resend(now: StoreTime, using random: inout some RandomNumberGenerator) {
        guard var watched, watched.at <= now.monotonic else { return }
        let behind = present.filter { (known[$0]?[name] ?? .zero) < watched.upTo }
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

    /// What it misses, if that is at hand, and the question whether it has all: it answers, or comes for the rest.
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
