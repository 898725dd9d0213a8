/// Decides when a container that exited is restarted: a pure state machine, one for each replica.
///
/// It takes the current time as an argument and has no clock and no timer. The wait doubles with each restart, up to
/// ``RestartPolicy/maxDelay``. A stable run resets it to ``RestartPolicy/delay``. A run is stable if it lasts at least
/// ``stableRun`` and at least as long as the wait before it, so a process that fails slowly gets no short waits.
public struct RestartTracker<Moment: InstantProtocol>: Sendable where Moment.Duration == Duration {
    /// The end of a process.
    public struct Exit: Sendable, Hashable {
        /// The exit status; 128 plus the signal if a signal ended the process.
        public var status: UInt32
        /// Whether a stop, delete or restart was requested; then the tracker does not restart the container.
        public var requested: Bool

        /// Creates an exit.
        public init(status: UInt32, requested: Bool = false) {
            self.status = status
            self.requested = requested
        }
    }

    /// What to do after an exit.
    public enum Decision: Sendable, Hashable {
        /// Start the container again at this moment, unless its service changes before.
        case restart(at: Moment)
        /// Leave the container stopped, for this reason.
        case leave(Reason)
    }

    /// Why a container stays stopped.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// The stop was requested.
        case requested
        /// The policy is `never`.
        case policy
        /// The policy is `on-failure`, and the status was 0.
        case succeeded
        /// The policy allows no further restart in a row; the value is the number of restarts.
        case tooManyRestarts(Int)

        /// The reason in words: `the restart policy is never`.
        public var description: String {
            switch self {
            case .requested: "stopped on request"
            case .policy: "the restart policy is never"
            case .succeeded: "exited with status 0, and the restart policy is on-failure"
            case .tooManyRestarts(let count): "gave up after \(count) restarts in a row"
            }
        }
    }

    /// The shortest stable run, 10 s as in Docker.
    public static var stableRun: Duration { .seconds(10) }

    /// The policy. It may change while the container exists.
    public var policy: RestartPolicy
    /// The number of restarts since the last stable run.
    public private(set) var restartsInARow = 0
    /// The number of all restarts.
    public private(set) var restarts = 0
    /// The start of the current run; nil if the process does not run or has not been seen.
    public private(set) var runningSince: Moment?
    private var lastDelay: Duration = .zero

    /// Creates a tracker for a replica whose container has not been seen yet.
    public init(policy: RestartPolicy) {
        self.policy = policy
    }

    /// Notes that the process started, or that it was found running.
    public mutating func started(at now: Moment) {
        runningSince = now
    }

    /// Notes that the process ended, and decides what to do. Call it once for each run.
    public mutating func exited(_ exit: Exit, at now: Moment) -> Decision {
        let run = runningSince.map { $0.duration(to: now) }
        runningSince = nil
        if let run, run >= max(Self.stableRun, lastDelay) {
            restartsInARow = 0
            lastDelay = .zero
        }
        if exit.requested { return .leave(.requested) }
        switch policy.condition {
        case .never: return .leave(.policy)
        case .onFailure where exit.status == 0: return .leave(.succeeded)
        case .always, .onFailure: break
        }
        if let limit = policy.maxRetries, restartsInARow >= limit { return .leave(.tooManyRestarts(restartsInARow)) }
        lastDelay = lastDelay == .zero ? policy.delay : min(lastDelay + lastDelay, policy.maxDelay)
        lastDelay = min(max(lastDelay, .zero), policy.maxDelay)
        restartsInARow += 1
        restarts += 1
        return .restart(at: now.advanced(by: lastDelay))
    }

    /// Forgets earlier restarts, for a requested restart: the next wait is the shortest.
    public mutating func reset() {
        restartsInARow = 0
        lastDelay = .zero
    }
}
