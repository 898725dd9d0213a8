import StellarCore
import StellarRPC

@testable import StellarDaemon

/// The states of a machine with the events that reach them, all events, and the text form of states and effects.
enum SlotTable {
    typealias Event = @Sendable (inout SlotMachine) -> [SlotEffect]

    static let id = ContainerID(app: "demo", service: "web", replica: 0)
    static let start = ContinuousClock.now
    static let now = SlotTime(instant: start, seconds: 1000)
    static let address = IPv4Address(172, 16, 0, 9)
    static let failure = SlotFailure(id: id, code: .unavailable, reason: "broken")
    static let ending = SlotEnding(status: 1, words: "with status 1")

    static func form(_ number: Int, restart: RestartPolicy = .always) -> DesiredSlot {
        var service = Service.sample("web", restart: restart)
        service.process.env = ["FORM=\(number)"]
        return DesiredSlot(Slot(id: id, service: service))
    }

    static func container(_ number: Int, _ status: ObservedTask.Status?, pid: UInt32 = 7) -> ObservedContainer {
        ObservedContainer(
            id: id.description,
            task: status.map { ObservedTask(pid: pid, status: $0, exitStatus: $0 == .stopped ? 1 : 0) },
            specification: form(number).specification
        )
    }

    static func observed(_ container: ObservedContainer?, address: IPv4Address? = address) -> Event {
        { $0.stepped(.observed(SlotObservation(container: container, isAttached: true, address: address)), now: now) }
    }

    static let done: Event = { $0.stepped(.done, now: now) }
    static let failed: Event = { $0.stepped(.failed(failure), now: now) }
    static let wanted: Event = { $0.apply(form(1)) }
    static let requested: Event = { $0.request(.requested, 1) }
    static let image: Event = { $0.stepped(.image(isPresent: true), now: now) }
    static let started: Event = { $0.stepped(.started(.init(pid: 7, address: address)), now: now) }
    static let ended: Event = { machine in
        var failure = failure
        failure.hasRun = true
        return machine.stepped(.ended(failure, ending), now: now)
    }
    static let exited: Event = { $0.exited(ending) }
    static let gone: Event = { $0.processEnded(pid: 7, ending, now: now) }
    static let restart: Event = { $0.requestRestart(1) }
    static let unwanted: Event = { $0.apply(nil) }
    static let removal: Event = { $0.requestRemoval(1) }

    static let deleted: Event = { machine in
        machine.journal = .delete
        return machine.apply(nil)
    }

    private static let starting = [wanted, requested, observed(nil), image, done]
    private static let running = starting + [started, done]
    private static let once: Event = { $0.apply(form(1, restart: .never)) }

    /// Each state, with events that reach it.
    static let states: [(name: String, events: [Event])] = [
        ("new", []),
        ("waiting", [wanted]),
        ("running", running),
        ("backingOff", running + [gone]),
        ("ended", [once] + starting.dropFirst() + [started, done, gone]),
        ("failed", [wanted, requested, failed]),
        ("removalFailed", running + [unwanted, removal, failed]),
        ("unwanted", running + [unwanted]),
        ("observing", [wanted, requested]),
        ("observing after running", running + [{ $0.request(.noticed) }]),
        ("checkingImage", [wanted, requested, observed(nil)]),
        ("pulling", [wanted, requested, observed(nil), { $0.stepped(.image(isPresent: false), now: now) }]),
        ("clearing", [wanted, requested, observed(container(2, .running)), image]),
        ("beginning", [wanted, requested, observed(nil), image]),
        ("starting", starting),
        ("finishing", starting + [started]),
        ("finishingEnded", starting + [ended]),
        ("undoing", starting + [failed]),
        ("finishingUndone", starting + [failed, done]),
        ("beginningRestart", running + [restart]),
        ("stopping", running + [restart, done]),
        ("abandoningRestart", running + [restart, done, failed]),
        ("removing", running + [unwanted, removal]),
        ("finishingRemoval", [wanted, deleted, removal, done]),
    ]

    static let events: [(name: String, event: Event)] = [
        ("same record", wanted),
        ("changed record", { $0.apply(form(2)) }),
        ("no record", unwanted),
        ("noticed", { $0.request(.noticed, 2) }),
        ("requested", { $0.request(.requested, 2) }),
        ("restart", { $0.requestRestart(2) }),
        ("removal", { $0.requestRemoval(2) }),
        ("pass: nothing", { $0.passed(nil, nil, now: now) }),
        ("pass: runs", { $0.passed(container(1, .running), nil, now: now) }),
        ("pass: stopped", { $0.passed(container(1, .stopped), ending, now: now) }),
        ("pass: other form", { $0.passed(container(2, .running), nil, now: now) }),
        ("exited", exited),
        ("gone", gone),
        ("timer", { $0.timerFired(1, now: now) }),
    ]

    static let results: [(name: String, event: Event)] = [
        ("done", done),
        ("failed", failed),
        ("stopping", { $0.stepped(.stopping(failure), now: now) }),
    ]

    /// The results of a single step.
    static let special: [String: [(name: String, event: Event)]] = [
        "observing": [
            ("runs", observed(container(1, .running))), ("stopped", observed(container(1, .stopped))),
            ("other form", observed(container(2, .running))),
            ("no address", observed(container(1, .running), address: nil)),
            ("nothing", observed(nil)),
        ],
        "observing after running": [
            ("runs", observed(container(1, .running))), ("stopped", observed(container(1, .stopped))),
            ("nothing", observed(nil)),
        ],
        "checkingImage": [
            ("image", image), ("no image", { $0.stepped(.image(isPresent: false), now: now) }),
        ],
        "starting": [
            ("started", started), ("ended", ended),
            ("job done", { $0.stepped(.started(.init(pid: 7, address: address, isDone: true)), now: now) }),
        ],
    ]

    static func lines(of name: String) -> [String] {
        guard let state = states.first(where: { $0.name == name }) else { return [] }
        var machine = SlotMachine(id: id)
        for event in state.events { _ = event(&machine) }
        var events = events
        if !machine.isIdle {
            let only = special[name] ?? []
            events += (only.isEmpty ? results : Array(results.dropFirst())) + only
        }
        return events.map { event in
            var after = machine
            let effects = event.event(&after)
            let wanted = effects.isEmpty ? "nothing" : effects.map(words).joined(separator: ", ")
            return "\(name) + \(event.name): \(words(after)): \(wanted)"
        }
    }

    // MARK: In words

    static func words(_ machine: SlotMachine) -> String {
        let shown = machine.status.state.rawValue
        switch machine.state {
        case .idle(let rest): return "\(word(rest)) [\(shown)]"
        case .busy(let activity):
            var next: [String] = []
            if let occasion = activity.next.occasion { next.append("\(occasion)") }
            if activity.next.isRestart { next.append("restart") }
            if activity.next.isRemoval { next.append("removal") }
            let then = next.isEmpty ? "" : " then \(next.joined(separator: "+"))"
            switch activity.work {
            case .up(_, let step): return "\(word(step))\(then) [\(shown)]"
            case .removal(let step): return "\(word(step))\(then) [\(shown)]"
            }
        }
    }

    private static func word(_ value: some Any) -> String { String("\(value)".prefix { $0 != "(" }) }

    static func words(_ effect: SlotEffect) -> String {
        switch effect {
        case .perform(let step, _): word(step)
        case .report(let tokens, let line): "report \(tokens) \(line.state)"
        case .resolve(let tokens, let failure): "resolve \(tokens) \(failure == nil ? "ok" : "failed")"
        case .startTimer(let timer, let moment): "timer \(timer) in \(moment - start)"
        case .log(let what): "log \(word(what))"
        case .publish, .withdraw, .endPull, .probe, .forget: word(effect)
        }
    }
}
