import StellarCore

/// What people, passes, timers and processes set in motion.
extension SlotMachine {
    /// Bring the slot to run, from whatever state it is in.
    mutating func request(_ occasion: Occasion, _ token: Token? = nil) -> [SlotEffect] {
        let tokens = token.map { [$0] } ?? []
        guard desired != nil else { return resolve(tokens, nil) }
        switch state {
        case .busy(var activity):
            activity.next.occasion = max(activity.next.occasion ?? occasion, occasion)
            activity.next.tokens += tokens
            state = .busy(activity)
            return []
        case .idle(let rest): return run(occasion, rest, tokens)
        }
    }

    /// Stop the slot's process and start it again.
    mutating func requestRestart(_ token: Token? = nil) -> [SlotEffect] {
        let tokens = token.map { [$0] } ?? []
        guard desired != nil else { return resolve(tokens, nil) }
        switch state {
        case .busy(var activity):
            activity.next.isRestart = true
            activity.next.tokens += tokens
            state = .busy(activity)
            return []
        case .idle(let rest): return restart(rest, tokens)
        }
    }

    /// Remove all of a slot that should not be here.
    mutating func requestRemoval(_ token: Token? = nil) -> [SlotEffect] {
        let tokens = token.map { [$0] } ?? []
        guard desired == nil else { return resolve(tokens, nil) }
        if isShown { show(.deleting) }
        switch state {
        case .busy(var activity):
            if case .removal = activity.work {
                activity.tokens += tokens
                state = .busy(activity)
                return []
            }
            activity.next.isRemoval = true
            activity.next.removalTokens += tokens
            state = .busy(activity)
            return []
        case .idle(.removalFailed(_, let delay)): return remove(tokens, delay: delay)
        case .idle: return remove(tokens)
        }
    }

    /// A pass found this container, or none.
    ///
    /// - Parameter ending: how its process ended, where ``needsEnding`` and there is one that did.
    mutating func passed(_ container: ObservedContainer?, _ ending: SlotEnding?, now: SlotTime) -> [SlotEffect] {
        guard case .idle(let rest) = state else { return [] }
        guard let desired else {
            if case .removalFailed = rest { return [] }
            return requestRemoval()
        }
        if case .backingOff = rest { return [] }
        if let container, !container.isMade(from: desired.specification) { return request(.noticed) }
        if journal == nil {
            if let task = container?.task, task.isAlive {
                return rest == .running(pid: task.pid) ? [] : request(.noticed)
            }
            // An exit whose event did not arrive.
            if case .running(let pid) = rest {
                return [.probe(pid: pid, ending ?? SlotEnding(status: nil, words: Self.unknownEnding))]
            }
        }
        if rest == .ended { return [] }
        if journal == nil, rest == .waiting, let container, isOver(desired.slot, container, ending, now) { return [] }
        return request(.noticed)
    }

    static let unknownEnding = "and its exit status is not known"

    /// Its process ended before this daemon started, in a way that its policy calls final.
    private mutating func isOver(
        _ slot: Slot,
        _ container: ObservedContainer,
        _ ending: SlotEnding?,
        _ now: SlotTime
    ) -> Bool {
        guard let task = container.task else {
            guard slot.service.restart.condition == .never else { return false }
            show(.stopped, "it has ended; its exit status is not known")
            state = .idle(.ended)
            return true
        }
        var tracker = RestartTracker<Instant>(policy: slot.service.restart)
        guard case .leave(let why) = tracker.exited(.init(status: task.exitStatus), at: now.instant) else {
            return false
        }
        show(task.exitStatus == 0 ? .stopped : .failed, "it ended \(ending?.words ?? Self.unknownEnding); \(why)")
        state = .idle(.ended)
        return true
    }

    /// containerd says that the slot's process ended.
    mutating func exited(_ ending: SlotEnding) -> [SlotEffect] {
        switch state {
        case .idle(.running(let pid)): return [.probe(pid: pid, ending)]
        case .idle: return []
        case .busy(var activity):
            guard case .up(let run, let step) = activity.work else { return [] }
            switch step {
            case .observing:
                if case .running(let pid) = run.rest { return [.probe(pid: pid, ending)] }
            // It may be the process that is being started: that is known when its pid is.
            case .starting(let isNew, _): activity.work = .up(run, .starting(isNew: isNew, exit: ending))
            case .finishing(let running, let isAdopted, _):
                activity.work = .up(run, .finishing(running, isAdopted: isAdopted, exit: ending))
            default: break
            }
            state = .busy(activity)
            return []
        }
    }

    /// The process is gone.
    mutating func processEnded(pid: UInt32, _ ending: SlotEnding, now: SlotTime) -> [SlotEffect] {
        switch state {
        case .idle(.running(pid)):
            let (rest, effects) = decide(ending, now)
            state = .idle(rest)
            return effects
        case .busy(var activity):
            guard case .up(var run, .observing) = activity.work, run.rest == .running(pid: pid) else { return [] }
            let (rest, effects) = decide(ending, now)
            run.rest = rest
            activity.work = .up(run, .observing)
            state = .busy(activity)
            return effects
        default: return []
        }
    }

    mutating func timerFired(_ timer: Int, now: SlotTime) -> [SlotEffect] {
        switch state {
        case .idle(.backingOff(timer)): return request(.due)
        case .idle(.removalFailed(timer, _)): return requestRemoval()
        case .busy(let activity):
            // The activity may end where it began, and no other timer follows.
            guard case .up(let run, _) = activity.work, run.rest == .backingOff(timer: timer) else { return [] }
            return request(.due)
        default: return []
        }
    }

    /// What the restart policy says to an end.
    mutating func decide(_ ending: SlotEnding, _ now: SlotTime) -> (Rest, [SlotEffect]) {
        var effects: [SlotEffect] = [.withdraw]
        guard let policy = desired?.slot.service.restart else { return (.waiting, effects) }
        let reason = "it ended \(ending.words)"
        var tracker = tracker ?? RestartTracker(policy: policy)
        // An end without a known status counts as a failure.
        let decision = tracker.exited(.init(status: ending.status ?? Self.unknownStatus), at: now.instant)
        self.tracker = tracker
        (status.pid, status.restarts) = (0, tracker.restarts)
        effects.append(.log(.processEnded(reason, decision)))
        switch decision {
        case .leave(let why):
            show(ending.status == 0 ? .stopped : .failed, "\(reason); \(why)")
            return (.ended, effects)
        case .restart(let moment):
            show(.restarting, reason)
            let timer = newTimer()
            return (.backingOff(timer: timer), effects + [.startTimer(timer, at: moment)])
        }
    }

    static let unknownStatus: UInt32 = 255
}
