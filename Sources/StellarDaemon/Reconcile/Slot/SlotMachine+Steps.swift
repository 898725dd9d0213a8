import StellarCore

/// How an activity goes from step to step.
extension SlotMachine {
    // MARK: Beginnings

    mutating func run(_ occasion: Occasion, _ rest: Rest, _ tokens: [Token]) -> [SlotEffect] {
        guard let desired else { return resolve(tokens, nil) }
        let run = Run(desired: desired, occasion: occasion, rest: rest, journal: journal)
        return observe(run, Activity(work: .up(run, .observing), tokens: tokens))
    }

    mutating func restart(_ rest: Rest, _ tokens: [Token]) -> [SlotEffect] {
        guard let desired else { return resolve(tokens, nil) }
        let run = Run(desired: desired, occasion: .requested, rest: rest, journal: journal, isRestart: true)
        let activity = Activity(work: .up(run, .beginningRestart), tokens: tokens)
        // On the disk before its process is stopped. Where the disk is full, the process that is there goes on.
        if journal == nil { return perform(.begin(.create), .up(run, .beginningRestart), activity) }
        return stop(run, activity)
    }

    /// - Parameter delay: How long after an attempt that failed this one begins.
    mutating func remove(_ tokens: [Token], delay: Duration = .zero) -> [SlotEffect] {
        let work = Work.removal(.removing(delay: delay))
        return [.withdraw] + report(tokens, .deleting)
            + perform(.remove(grace: grace), work, Activity(work: work, tokens: tokens))
    }

    // MARK: Results

    /// The step under way is over.
    mutating func stepped(_ result: SlotStepResult, now: SlotTime) -> [SlotEffect] {
        guard case .busy(let activity) = state else {
            assertionFailure("\(id): a result without a step")
            return []
        }
        if case .stopping(let failure) = result { return halt(failure, activity) }
        switch activity.work {
        case .removal(let step): return stepped(result, step, activity, now)
        case .up(let run, let step):
            if case .failed(let failure) = result { return failed(failure, run, step, activity) }
            return stepped(result, run, step, activity, now)
        }
    }

    private mutating func stepped(
        _ result: SlotStepResult,
        _ run: Run,
        _ step: UpStep,
        _ activity: Activity,
        _ now: SlotTime
    ) -> [SlotEffect] {
        switch (step, result) {
        case (.beginningRestart, .done):
            journal = .create
            return stop(run, activity)
        case (.stopping, .done):
            // A stop was requested: the exit is not a crash.
            var run = run
            run.rest = .waiting
            return observe(run, activity)
        case (.abandoningRestart(let failure), .done):
            journal = nil
            return notUp(failure, run, activity)
        case (.observing, .observed(let observation)): return observed(observation, run, activity, now)
        case (.checkingImage(let plan), .image(isPresent: true)), (.pulling(let plan), .done):
            return hasImage(plan, run, activity)
        case (.checkingImage(let plan), .image(isPresent: false)):
            show(.pulling)
            return perform(.pull(run.desired.slot.service), .up(run, .pulling(plan)), activity)
        case (.clearing, .done): return begin(run, isNew: true, activity)
        case (.beginning(let isNew), .done):
            journal = .create
            return start(run, isNew: isNew, activity)
        case (.starting(_, let exit), .started(let running)):
            return finish(run, running, isAdopted: false, exit, activity, now)
        case (.starting(_, let exit), .ended(let failure, let ending)):
            // Its container stays, for its log and its next start.
            return perform(.finish, .up(run, .finishingEnded(failure, exit ?? ending)), activity)
        case (.finishing(let running, let isAdopted, let exit), .done):
            journal = nil
            return isRunning(run, running, isAdopted: isAdopted, exit, activity, now)
        case (.finishingEnded(let failure, let ending), .done):
            journal = nil
            let (rest, effects) = decide(ending, now)
            return effects + end(rest, run, activity, failure)
        case (.undoing(let failure), .done):
            if journal == nil { return undone(failure, run, activity) }
            return perform(.finish, .up(run, .finishingUndone(failure)), activity)
        case (.finishingUndone(let failure), .done):
            journal = nil
            return undone(failure, run, activity)
        default:
            assertionFailure("\(id): \(result) is no result of \(step)")
            return []
        }
    }

    private mutating func failed(
        _ failure: SlotFailure,
        _ run: Run,
        _ step: UpStep,
        _ activity: Activity
    ) -> [SlotEffect] {
        switch step {
        case .beginningRestart: return end(run.rest, run, activity, failure)
        case .stopping:
            // The next pass finds out whether it still runs.
            if run.journal == nil { return perform(.finish, .up(run, .abandoningRestart(failure)), activity) }
            return notUp(failure, run, activity)
        case .abandoningRestart(let first): return notUp(first, run, activity)
        case .observing, .checkingImage, .pulling, .clearing, .beginning, .finishingEnded,
            .finishing(_, isAdopted: true, _):
            return notUp(failure, run, activity)
        case .starting, .finishing:
            show(.failed, failure.reason)
            return [.withdraw] + perform(.remove(grace: .zero), .up(run, .undoing(failure)), activity)
        case .undoing(let first), .finishingUndone(let first):
            return [.log(.notUndone(failure))] + end(.failed, run, activity, first)
        }
    }

    private mutating func stepped(
        _ result: SlotStepResult,
        _ step: RemovalStep,
        _ activity: Activity,
        _ now: SlotTime
    ) -> [SlotEffect] {
        switch (step, result) {
        case (.removing(let delay), .done):
            if journal == nil { return removed(activity) }
            return perform(.finish, .removal(.finishing(delay: delay)), activity)
        case (.finishing, .done):
            journal = nil
            return removed(activity)
        case (.removing(let delay), .failed(let failure)), (.finishing(let delay), .failed(let failure)):
            return notRemoved(failure, activity, after: delay, now)
        default:
            assertionFailure("\(id): \(result) is no result of \(step)")
            return []
        }
    }

    // MARK: Up

    private mutating func observe(_ run: Run, _ activity: Activity) -> [SlotEffect] {
        perform(.observe(run.desired.slot, isBegun: run.journal == .create), .up(run, .observing), activity)
    }

    /// What is there says what has to be done.
    private mutating func observed(
        _ observation: SlotObservation,
        _ run: Run,
        _ activity: Activity,
        _ now: SlotTime
    ) -> [SlotEffect] {
        let service = run.desired.slot.service
        var plan = SlotPlan.plan(
            wanted: run.desired.specification,
            observed: observation.container,
            isAttached: observation.isAttached,
            journal: run.journal
        )
        if plan == .restart || plan == .bringUp, run.occasion == .noticed, run.rest.isPatient {
            return end(run.rest, run, activity, nil)
        }
        // Its address is of another subnet, or another container's by now.
        if plan == .adopt || plan == .restart, service.network, observation.address == nil { plan = .replace }
        switch plan {
        case .nothing, .remove: return end(run.rest, run, activity, nil)
        case .adopt:
            let pid = observation.container?.task?.pid ?? 0
            let running = SlotRunner.Running(pid: pid, address: observation.address)
            return finish(run, running, isAdopted: true, nil, activity, now)
        case .bringUp, .replace: return perform(.checkImage(service), .up(run, .checkingImage(plan)), activity)
        case .restart: return begin(run, isNew: false, activity)
        }
    }

    private mutating func hasImage(_ plan: SlotPlan, _ run: Run, _ activity: Activity) -> [SlotEffect] {
        guard plan == .replace else { return begin(run, isNew: true, activity) }
        show(.creating)
        let grace = run.desired.slot.service.stopGracePeriod
        return [.withdraw] + perform(.tearDown(grace: grace), .up(run, .clearing), activity)
    }

    private mutating func begin(_ run: Run, isNew: Bool, _ activity: Activity) -> [SlotEffect] {
        show(.creating)
        // What is begun as a replacement is a new container, too.
        if journal == .create || (isNew && journal != nil) { return start(run, isNew: isNew, activity) }
        return perform(.begin(.create), .up(run, .beginning(isNew: isNew)), activity)
    }

    private mutating func start(_ run: Run, isNew: Bool, _ activity: Activity) -> [SlotEffect] {
        perform(.start(run.desired.slot, isNew: isNew), .up(run, .starting(isNew: isNew, exit: nil)), activity)
    }

    private mutating func finish(
        _ run: Run,
        _ running: SlotRunner.Running,
        isAdopted: Bool,
        _ exit: SlotEnding?,
        _ activity: Activity,
        _ now: SlotTime
    ) -> [SlotEffect] {
        if journal == nil { return isRunning(run, running, isAdopted: isAdopted, exit, activity, now) }
        return perform(.finish, .up(run, .finishing(running, isAdopted: isAdopted, exit: exit)), activity)
    }

    private mutating func isRunning(
        _ run: Run,
        _ running: SlotRunner.Running,
        isAdopted: Bool,
        _ exit: SlotEnding?,
        _ activity: Activity,
        _ now: SlotTime
    ) -> [SlotEffect] {
        var tracker = tracker ?? RestartTracker(policy: run.desired.slot.service.restart)
        tracker.started(at: now.instant)
        self.tracker = tracker
        show(running.isDone ? .stopped : .running, running.isDone ? "it has done its work" : "")
        (status.address, status.pid, status.startedAt) = (running.address, running.pid, now.seconds)
        let reported = isAdopted ? report(activity.tokens, .running) : []
        guard !running.isDone else { return reported + end(.ended, run, activity, nil) }
        let published = running.address.map { SlotEffect.publish(run.desired.slot, $0, since: now.seconds) }
        let ended = exit.map { SlotEffect.probe(pid: running.pid, $0) }
        return reported + [published].compactMap { $0 } + end(.running(pid: running.pid), run, activity, nil)
            + [ended].compactMap { $0 }
    }

    // MARK: Not up

    private mutating func notUp(_ failure: SlotFailure, _ run: Run, _ activity: Activity) -> [SlotEffect] {
        show(.failed, failure.reason)
        return end(.failed, run, activity, failure)
    }

    private mutating func undone(_ failure: SlotFailure, _ run: Run, _ activity: Activity) -> [SlotEffect] {
        tracker = nil
        return end(.failed, run, activity, failure)
    }

    private mutating func stop(_ run: Run, _ activity: Activity) -> [SlotEffect] {
        tracker = nil
        // Not "running" any more, so that its exit is not treated as a crash.
        show(.starting)
        let grace = run.desired.slot.service.stopGracePeriod
        return [.withdraw] + report(activity.tokens, .restarting)
            + perform(.stop(grace: grace), .up(run, .stopping), activity)
    }

    // MARK: Removal

    private mutating func removed(_ activity: Activity) -> [SlotEffect] {
        tracker = nil
        state = .idle(.waiting)
        let effects =
            report(activity.tokens, .removed) + resolve(activity.tokens, nil) + begin(activity.next, .waiting)
        return desired == nil && isIdle ? effects + [.forget] : effects
    }

    /// A removal that failed is tried again soon at first, and then at the pace of the passes.
    static let firstRetry = Duration.milliseconds(500)

    private mutating func notRemoved(
        _ failure: SlotFailure,
        _ activity: Activity,
        after delay: Duration,
        _ now: SlotTime
    ) -> [SlotEffect] {
        guard desired == nil else {
            state = .idle(.failed)
            return resolve(activity.tokens, nil) + begin(activity.next, .failed)
        }
        let longer = min(max(delay * 2, Self.firstRetry), Reconciler.period)
        let timer = newTimer()
        state = .idle(.removalFailed(timer: timer, delay: longer))
        return [.log(.notRemoved(failure))] + report(activity.tokens, .deleting, failure.reason)
            + [.startTimer(timer, at: now.instant + longer)] + resolve(activity.tokens, failure)
            + resolve(activity.next.tokens, nil)
    }

    // MARK: Ends

    /// Bringing it up is over, one way or the other; what was requested meanwhile begins.
    private mutating func end(
        _ rest: Rest,
        _ run: Run,
        _ activity: Activity,
        _ failure: SlotFailure?
    ) -> [SlotEffect] {
        // What a newer record says meanwhile is another command's to bring about.
        let isCurrent = desired?.specification == run.desired.specification
        if !isCurrent, desired != nil { show(.waiting) }
        state = .idle(isCurrent ? rest : .waiting)
        var effects: [SlotEffect] = []
        if let failure, run.isRestart || desired?.slot == run.desired.slot {
            effects += report(activity.tokens, .failed, failure.reason, log: failure.log)
            effects += resolve(activity.tokens, failure)
            if activity.tokens.isEmpty { effects.append(.log(.didNotRun(failure))) }
        } else {
            effects += resolve(activity.tokens, nil)
        }
        return effects + begin(activity.next, isCurrent ? rest : .waiting)
    }

    /// The daemon stops: what is begun is in the journal, and nothing more is.
    private mutating func halt(_ failure: SlotFailure, _ activity: Activity) -> [SlotEffect] {
        if desired != nil { show(.failed, failure.reason) }
        state = .idle(.failed)
        return resolve(activity.tokens + activity.next.tokens + activity.next.removalTokens, failure)
    }

    private mutating func begin(_ requests: Requests, _ rest: Rest) -> [SlotEffect] {
        guard desired != nil else {
            let effects = resolve(requests.tokens, nil)
            return requests.isRemoval ? effects + remove(requests.removalTokens) : effects
        }
        let effects = resolve(requests.removalTokens, nil)
        if requests.isRestart { return effects + restart(rest, requests.tokens) }
        return requests.occasion.map { effects + run($0, rest, requests.tokens) } ?? effects
    }

    private mutating func perform(_ step: SlotStep, _ work: Work, _ activity: Activity) -> [SlotEffect] {
        var activity = activity
        activity.work = work
        state = .busy(activity)
        return [.perform(step, activity.tokens)]
    }

    func resolve(_ tokens: [Token], _ failure: SlotFailure?) -> [SlotEffect] {
        tokens.isEmpty ? [] : [.resolve(tokens, failure)]
    }

    private func report(
        _ tokens: [Token],
        _ state: SlotState,
        _ message: String = "",
        log: [String] = []
    ) -> [SlotEffect] {
        tokens.isEmpty ? [] : [.report(tokens, SlotProgress(id: id, state: state, message: message, log: log))]
    }
}

extension SlotMachine.Rest {
    /// It is to stay as it is: for good, or until its timer fires.
    var isPatient: Bool {
        switch self {
        case .ended, .backingOff: true
        case .waiting, .running, .failed, .removalFailed: false
        }
    }
}
