import StellarCore

/// What a ``SlotMachine`` wants done, in order.
enum SlotEffect: Sendable, Hashable {
    /// Run a step, and give the machine its result. Only one is under way; its progress goes to the requests named.
    case perform(SlotStep, [SlotMachine.Token])
    /// End the pull under way; its step fails.
    case endPull
    /// Answer for the slot's names with this address; since when in seconds since 1970.
    case publish(Slot, IPv4Address, since: Int64)
    /// Do not answer for its names any more.
    case withdraw
    /// Give the machine ``SlotMachine/timerFired(_:now:)`` at this moment.
    case startTimer(Int, at: ContinuousClock.Instant)
    /// Give the machine ``SlotMachine/processEnded(pid:_:now:)`` unless the process lives: news may be of an earlier one.
    case probe(pid: UInt32, SlotEnding)
    case report([SlotMachine.Token], SlotProgress)
    /// The requests are done; nil is success, also where a newer record made them pointless.
    case resolve([SlotMachine.Token], SlotFailure?)
    case log(SlotLog)
    /// Nothing of the slot is left here.
    case forget
}

/// A step that takes time. Each is safe to repeat.
enum SlotStep: Sendable, Hashable {
    /// Look at container, network namespace and address.
    case observe(Slot, isBegun: Bool)
    case checkImage(Service)
    case pull(Service)
    /// Write into the journal what is about to be done.
    case begin(SlotOperation)
    /// Take it out of the journal.
    case finish
    case stop(grace: Duration)
    /// Remove task, container, namespace and files; the address stays the slot's.
    case tearDown(grace: Duration)
    /// The same, and release the address.
    case remove(grace: Duration)
    /// Start a process: in a new container, or in the one that is there.
    case start(Slot, isNew: Bool)
}

/// What a step came to.
enum SlotStepResult: Sendable, Hashable {
    case done
    case observed(SlotObservation)
    case image(isPresent: Bool)
    case started(SlotRunner.Running)
    /// The process was started and ended before it counted as running.
    case ended(SlotFailure, SlotEnding)
    case failed(SlotFailure)
    /// The daemon stops: what is begun is left to the next start.
    case stopping(SlotFailure)
}

/// A slot as containerd and the network have it.
struct SlotObservation: Sendable, Hashable {
    var container: ObservedContainer?
    /// Of a container that was being made: its namespace is there and connected.
    var isAttached = false
    /// Where it has the network: the address that it has on this node's subnet.
    var address: IPv4Address?
}

/// What the log should say of a slot.
enum SlotLog: Sendable, Hashable {
    case processEnded(String, RestartTracker<ContinuousClock.Instant>.Decision)
    /// No request waits for it.
    case didNotRun(SlotFailure)
    case notRemoved(SlotFailure)
    case notUndone(SlotFailure)
}
