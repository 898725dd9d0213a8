import StellarCore
import StellarSystem

/// What this node does about one slot: a pure machine.
///
/// Events say what should run, what containerd has, what a step came to, and what people request; effects say what to do
/// about it (``SlotEffect``). At most one step is under way, so nothing else has to keep two of them apart: what is
/// requested meanwhile waits in the activity, and begins when that is over. ``Reconciler`` interprets the effects.
///
///     idle(waiting) ──request──▶ observing ─▶ image ─▶ pull ─▶ clear ─▶ journal ─▶ start ─▶ finish ─▶ idle(running)
///                                    │ it runs as it should                                                 │ exit
///                                    └──────────────────────────▶ finish ─▶ idle(running)                   ▼
///     idle(ended) ◀── its policy says so ──────────────────────────────────────────────────────── idle(backingOff)
///
/// ``status`` is what people see. It follows the state and decides nothing.
struct SlotMachine: Sendable {
    typealias Instant = ContinuousClock.Instant
    /// A request whose caller waits for the outcome.
    typealias Token = Int

    let id: ContainerID
    /// nil: nothing of the slot should be on this node.
    private(set) var desired: DesiredSlot?
    /// What the disk says is begun and not finished.
    var journal: SlotOperation?
    var state = State.idle(.waiting)
    var status = SlotStatus() {
        didSet { isShown = true }
    }
    /// People know of this slot. One that is only cleaned up was never an app's, as far as this daemon knows.
    private(set) var isShown = false
    /// How long its process has to end by itself when it is removed.
    private(set) var grace = Service.defaultStopGracePeriod
    var tracker: RestartTracker<Instant>?
    private var lastTimer: Int

    /// - Parameter generation: Another one for each machine that the same slot has had, so that a timer of an earlier one is
    ///   not taken for its own.
    init(id: ContainerID, generation: Int = 0) {
        self.id = id
        lastTimer = generation << 32
    }

    /// What a slot is, or is about to become.
    enum State: Sendable {
        case idle(Rest)
        case busy(Activity)
    }

    /// What a slot is between two activities.
    enum Rest: Sendable, Hashable {
        /// Nothing is known of it, or what is there is not what should be.
        case waiting
        case running(pid: UInt32)
        /// Its process ended, and is started again when the timer fires.
        case backingOff(timer: Int)
        /// Its process ended for good: it did its work, or failed as often as it may.
        case ended
        /// It could not be brought up. The next pass tries again.
        case failed
        /// It could not be removed, and is tried again when the timer fires, each time after a longer delay.
        case removalFailed(timer: Int, delay: Duration)
    }

    /// Steps that follow each other, until the slot is idle again.
    struct Activity: Sendable {
        var work: Work
        /// The requests that get the outcome.
        var tokens: [Token]
        /// What was requested meanwhile.
        var next = Requests()
    }

    enum Work: Sendable {
        case up(Run, UpStep)
        case removal(RemovalStep)
    }

    /// The step of bringing a slot to run that is under way, with what the steps after it need.
    enum UpStep: Sendable, Hashable {
        /// A restart is written down, and then the process is stopped.
        case beginningRestart
        case stopping
        case abandoningRestart(SlotFailure)
        case observing
        case checkingImage(SlotPlan)
        case pulling(SlotPlan)
        /// What is there of an earlier form goes.
        case clearing
        case beginning(isNew: Bool)
        case starting(isNew: Bool, exit: SlotEnding?)
        case finishing(SlotRunner.Running, isAdopted: Bool, exit: SlotEnding?)
        /// Its process ended before it counted as started.
        case finishingEnded(SlotFailure, SlotEnding)
        /// What is half made goes.
        case undoing(SlotFailure)
        case finishingUndone(SlotFailure)
    }

    enum RemovalStep: Sendable, Hashable {
        /// The delay before this attempt; zero for the first.
        case removing(delay: Duration)
        case finishing(delay: Duration)
    }

    /// An attempt to bring the slot to run.
    struct Run: Sendable, Hashable {
        /// What it was to be when this began; newer records wait for the end of the activity.
        var desired: DesiredSlot
        var occasion: Occasion
        /// What the slot was before.
        var rest: Rest
        /// What was begun and not finished when this began.
        var journal: SlotOperation?
        /// Its process is stopped first, whatever it does.
        var isRestart = false
    }

    /// What waits for the end of an activity.
    struct Requests: Sendable {
        /// The strongest occasion that was given.
        var occasion: Occasion?
        var isRestart = false
        var tokens: [Token] = []
        var isRemoval = false
        var removalTokens: [Token] = []
    }
}

/// A slot, and what its container is to be made from.
struct DesiredSlot: Sendable, Hashable {
    var slot: Slot
    var specification: SpecificationHash

    init(_ slot: Slot, specification: SpecificationHash? = nil) {
        self.slot = slot
        self.specification = specification ?? SpecificationHash(of: slot.service)
    }
}

/// How a process ended.
struct SlotEnding: Sendable, Hashable {
    /// nil where it is not known.
    var status: UInt32?
    /// `with status 1`
    var words: String
}

/// Why a slot is brought to run now.
enum Occasion: Int, Sendable, Hashable, Comparable {
    /// A newer record of its app, or a pass: what is at rest stays so, and what backs off goes on waiting.
    case noticed
    /// The wait after its process ended is over.
    case due
    /// A person requested it: what is at rest is started too, and nothing waits.
    case requested

    static func < (left: Occasion, right: Occasion) -> Bool { left.rawValue < right.rawValue }
}

/// The time, as a machine is given it.
struct SlotTime: Sendable {
    var instant: ContinuousClock.Instant
    /// Seconds since 1970, for people.
    var seconds: Int64
}

extension SlotTime {
    init(_ clock: HostClock) {
        self.init(instant: clock.now, seconds: clock.unixSeconds)
    }
}

extension SlotMachine {
    var isIdle: Bool { if case .idle = state { true } else { false } }

    /// Its process ended for good.
    var isAtRest: Bool { if case .idle(.ended) = state { true } else { false } }

    /// A pass needs to know how the process of its container ended.
    var needsEnding: Bool {
        switch state {
        case .idle(.waiting), .idle(.running): true
        default: false
        }
    }

    /// A timer that no earlier one can be taken for.
    mutating func newTimer() -> Int {
        lastTimer += 1
        return lastTimer
    }

    mutating func show(_ state: SlotState, _ reason: String = "") {
        (status.state, status.reason) = (state, reason)
    }

    /// A newer record of its app.
    ///
    /// - Parameter desired: nil where the slot is no longer this node's.
    mutating func apply(_ new: DesiredSlot?) -> [SlotEffect] {
        let old = desired
        desired = new
        switch (old, new) {
        case (nil, nil): return []
        case (nil, .some):
            status = SlotStatus()
            if isIdle { state = .idle(.waiting) }
            return []
        case (.some(let old), nil):
            grace = old.slot.service.stopGracePeriod
            return endPull
        case (.some(let old), .some(let new)):
            // A new command gives a slot all its restarts back.
            tracker = nil
            guard old.specification != new.specification else { return [] }
            // What runs is not what should, until it is replaced.
            show(.waiting)
            if isIdle { state = .idle(.waiting) }
            return endPull
        }
    }

    /// A pull for a form that is not wanted any more ends.
    private var endPull: [SlotEffect] {
        if case .busy(let activity) = state, case .up(_, .pulling) = activity.work { [.endPull] } else { [] }
    }
}
