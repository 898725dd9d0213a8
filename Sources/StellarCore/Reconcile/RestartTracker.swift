/// When a container that exits is started again: a pure machine, one for each slot.
///
/// ## Design
/// The wait doubles with every restart that is not followed by a stable run, up to the policy's longest; a stable run
/// takes it back to the shortest. A run is stable when it lasted ten seconds and at least as long as the wait before
/// it, so that a process that needs a while to fail does not get away with it.
public struct RestartTracker<Moment: InstantProtocol>: Sendable where Moment.Duration == Duration {
    /// How the process ended.
    public struct Exit: Sendable, Hashable {
        /// The exit status, 128 + signal where a signal ended it.
        public var status: UInt32
        /// Whether somebody asked for it (stop, delete, restart); then it is not started again here.
        public var requested: Bool

        /// Makes an exit.
        public init(status: UInt32, requested: Bool = false) {
            self.status = status
            self.requested = requested
        }
    }

    /// What to do about an exit.
    public enum Decision: Sendable, Hashable {
        /// Start a new task at this moment, unless the slot has changed by then.
        case restart(at: Moment)
        /// Leave it, for this reason.
        case leave(Reason)
    }

    /// Why a container stays stopped.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// Somebody asked for it.
        case requested
        /// The policy is never.
        case policy
        /// The policy is on-failure, and the status was 0.
        case succeeded
        /// It has failed too often in a row.
        case tooManyRestarts(Int)

        /// In words, for the state shown to users.
        public var description: String {
            switch self {
            case .requested: "stopped on request"
            case .policy: "the restart policy is never"
            case .succeeded: "exited with status 0, and the restart policy is on-failure"
            case .tooManyRestarts(let count): "gave up after \(count) restarts in a row"
            }
        }
    }

    /// A run of this length is what Docker takes as a start that worked, too.
    public static var stableRun: Duration { .seconds(10) }

    /// The policy; may change while the container lives.
    public var policy: RestartPolicy
    /// Restarts since the last stable run.
    public private(set) var restartsInARow = 0
    /// All restarts.
    public private(set) var restarts = 0
    /// When the present run began; nil when it does not run, as far as is known.
    public private(set) var runningSince: Moment?
    private var lastDelay: Duration = .zero

    /// A tracker for a slot whose container has not been seen yet.
    public init(policy: RestartPolicy) {
        self.policy = policy
    }

    /// The process was started, or seen running after the daemon's own restart.
    public mutating func started(at now: Moment) {
        runningSince = now
    }

    /// The process ended. For each run this is to be told once.
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

    /// Somebody asked for a fresh start (`apps restart`): what was before does not count.
    public mutating func reset() {
        restartsInARow = 0
        lastDelay = .zero
    }
}
