import StellarCore
import StellarRPC
import StellarTestKit
import Testing

@testable import StellarDaemon

/// Machines on a host that fails, is slow and ends processes by a seed, with random records and requests.
@Suite struct SlotMachineRandomTests {
    @Test(arguments: UInt64(0)..<500)
    func theSlotConvergesAfterRandomFaults(_ seed: UInt64) {
        var world = SlotWorld(seed: seed)
        for _ in 0..<Int.random(in: 20...120, using: &world.random) { world.step() }
        world.heal()
        #expect(world.problems.isEmpty, "seed \(seed): \(world.problems.joined(separator: "; "))")
    }
}

/// One slot's machine and its environment.
private struct SlotWorld {
    var random: SplitMix64
    var machine: SlotMachine?
    var problems: [String] = []
    private var desired: DesiredSlot?
    private var journal: SlotOperation?
    private var container: ObservedContainer?
    private var hasAddress = false
    private var lastPID: UInt32 = 100
    private var lastToken = 0
    private var waiting: Set<Int> = []
    private var timers: [Int] = []
    private var published = false
    /// The step under way.
    private var underWay: SlotStep?
    private var failures = true
    private let start = ContinuousClock.now
    private var seconds = 0

    private let id = ContainerID(app: "demo", service: "web", replica: 0)

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    private var now: SlotTime { SlotTime(instant: start + .seconds(seconds), seconds: Int64(seconds)) }

    private func form(_ number: Int) -> DesiredSlot {
        var service = Service.sample("web", restart: RestartPolicy(condition: .onFailure, maxRetries: 3))
        service.process.env = ["FORM=\(number)"]
        return DesiredSlot(Slot(id: id, service: service))
    }

    /// Makes one random event.
    mutating func step() {
        seconds += Int.random(in: 0...3, using: &random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0...4: complete()
        case 5: record()
        case 6: request { machine, token in machine.request(.requested, token) }
        case 7: request { machine, token in machine.request(.noticed, token) }
        case 8: request { machine, token in machine.requestRestart(token) }
        case 9: request { machine, token in machine.requestRemoval(token) }
        case 10: pass()
        case 11: endProcess()
        case 12: if let timer = timers.popLast() { send { $0.timerFired(timer, now: $1) } }
        default: readdress()
        }
    }

    /// Stops all faults: the next passes repair the slot.
    mutating func heal() {
        failures = false
        for _ in 0..<60 {
            while underWay != nil { complete() }
            for timer in timers { send { $0.timerFired(timer, now: $1) } }
            timers = []
            pass()
            seconds += 60
        }
        if !waiting.isEmpty { problems.append("\(waiting.count) requests never got an outcome") }
        if journal != machine?.journal { problems.append("the journal is \(String(describing: journal)) on disk") }
        guard let desired else {
            if machine != nil || container != nil || journal != nil || published {
                problems.append("something is left")
            }
            return
        }
        if case .idle(.ended)? = machine?.state { return }
        guard let container, container.specification == desired.specification, container.task?.isAlive == true,
            machine?.status.state == .running, machine?.status.pid == container.task?.pid, journal == nil, published
        else {
            problems.append("it does not run: \(String(describing: machine?.state)), \(String(describing: container))")
            return
        }
    }

    // MARK: Events

    private mutating func send(_ event: (inout SlotMachine, SlotTime) -> [SlotEffect]) {
        var machine = machine ?? SlotMachine(id: id)
        let effects = event(&machine, now)
        self.machine = machine
        for effect in effects { interpret(effect) }
        check()
    }

    private mutating func record() {
        let next = Int.random(in: 0..<4, using: &random)
        let new = next == 0 ? nil : form(next)
        guard new != nil || desired != nil else { return }
        let operation: SlotOperation? =
            if new == nil { .delete } else if desired == nil { .create } else if new != desired { .replace } else {
                nil
            }
        if let operation {
            journal = operation
            send { machine, _ in
                machine.journal = operation
                return []
            }
        }
        desired = new
        send { machine, _ in machine.apply(new) }
        // The command that wrote the record does this later.
        if new == nil {
            send { machine, _ in machine.requestRemoval() }
        } else {
            send { machine, _ in machine.request(.noticed) }
        }
    }

    private mutating func request(_ body: (inout SlotMachine, Int) -> [SlotEffect]) {
        guard machine != nil else { return }
        lastToken += 1
        let token = lastToken
        waiting.insert(token)
        send { machine, _ in body(&machine, token) }
    }

    private mutating func pass() {
        guard machine != nil else { return }
        let found = container
        let ending = found?.task.map { SlotEnding(status: $0.exitStatus, words: "with status \($0.exitStatus)") }
        send { $0.passed(found, ending, now: $1) }
    }

    private mutating func endProcess() {
        guard let task = container?.task, task.isAlive, machine != nil else { return }
        let status = UInt32.random(in: 0...1, using: &random)
        container?.task = ObservedTask(pid: task.pid, status: .stopped, exitStatus: status)
        // Some events are lost.
        if Bool.random(using: &random) {
            send { machine, _ in machine.exited(SlotEnding(status: status, words: "with status \(status)")) }
        }
    }

    private mutating func readdress() {
        guard desired != nil, machine?.isAtRest == false else { return }
        hasAddress = false
        journal = .replace
        send { machine, _ in
            machine.journal = .replace
            return machine.request(.noticed)
        }
    }

    // MARK: Effects

    private mutating func interpret(_ effect: SlotEffect) {
        switch effect {
        case .perform(let step, _):
            if underWay != nil { problems.append("\(step) beside \(String(describing: underWay))") }
            underWay = step
        case .endPull:
            guard case .pull = underWay else { return problems.append("no pull to end") }
            underWay = nil
            let failure = failure("ended")
            send { $0.stepped(.failed(failure), now: $1) }
        case .publish: published = true
        case .withdraw: published = false
        case .startTimer(let timer, _): timers.append(timer)
        case .probe(let pid, let ending):
            if let task = container?.task, task.pid == pid, task.isAlive { return }
            send { $0.processEnded(pid: pid, ending, now: $1) }
        case .report: break
        case .resolve(let tokens, _):
            for token in tokens where waiting.remove(token) == nil { problems.append("two outcomes of one request") }
        case .log: break
        case .forget: machine = nil
        }
    }

    private func failure(_ reason: String) -> SlotFailure { SlotFailure(id: id, code: .unavailable, reason: reason) }

    private mutating func complete() {
        guard let step = underWay else { return }
        underWay = nil
        // A step may fail before or after its work.
        let fault = failures ? Int.random(in: 0..<8, using: &random) : 7
        let failure = failure("fault \(fault)")
        if fault == 0 { return send { $0.stepped(.failed(failure), now: $1) } }
        let result = perform(step)
        // A transaction is atomic.
        if case .begin = step { return send { $0.stepped(result, now: $1) } }
        if fault == 1, result.isRepeatable { return send { $0.stepped(.failed(failure), now: $1) } }
        send { $0.stepped(result, now: $1) }
    }

    private mutating func perform(_ step: SlotStep) -> SlotStepResult {
        switch step {
        case .observe(_, let isBegun):
            let isAttached = isBegun && container?.task?.isAlive == true
            let address = hasAddress ? IPv4Address(172, 16, 0, 9) : nil
            return .observed(SlotObservation(container: container, isAttached: isAttached, address: address))
        case .checkImage: return .image(isPresent: Bool.random(using: &random))
        case .pull: return .done
        case .begin(let operation):
            journal = operation
            return .done
        case .finish:
            journal = nil
            return .done
        case .stop:
            container?.task = nil
            return .done
        case .tearDown:
            container = nil
            return .done
        case .remove:
            (container, hasAddress) = (nil, false)
            return .done
        case .start(let slot, let isNew): return start(slot, isNew: isNew)
        }
    }

    private mutating func start(_ slot: Slot, isNew: Bool) -> SlotStepResult {
        if isNew, container != nil { problems.append("made over one that is there") }
        if !isNew, container == nil { problems.append("started without a container") }
        if container?.task?.isAlive == true { problems.append("two processes") }
        hasAddress = true
        lastPID += 1
        let specification = isNew ? SpecificationHash(of: slot.service) : container?.specification
        let ends = failures && Int.random(in: 0..<5, using: &random) == 0
        let task = ObservedTask(pid: lastPID, status: ends ? .stopped : .running, exitStatus: ends ? 1 : 0)
        container = ObservedContainer(id: id.description, task: task, specification: specification)
        guard ends else { return .started(SlotRunner.Running(pid: lastPID, address: IPv4Address(172, 16, 0, 9))) }
        var failure = failure("it ended")
        failure.hasRun = true
        return .ended(failure, SlotEnding(status: 1, words: "with status 1"))
    }

    /// Checks the invariants after every event.
    private mutating func check() {
        guard let machine else { return }
        if machine.isIdle == (underWay != nil) {
            problems.append("\(machine.state) with \(String(describing: underWay))")
        }
        if machine.desired != desired { problems.append("it does not know its record") }
        if case .idle(.running(let pid)) = machine.state, machine.status.state != .running || machine.status.pid != pid
        {
            problems.append("running is shown as \(machine.status)")
        }
        if machine.status.state == .running, machine.desired != nil, case .idle(let rest) = machine.state {
            if case .running = rest {} else { problems.append("\(rest) is shown as running") }
        }
    }
}

extension SlotStepResult {
    /// A result that the machine may not receive, though the work is done.
    fileprivate var isRepeatable: Bool {
        switch self {
        case .done: true
        default: false
        }
    }
}
