import Logging
import StellarCore
import StellarSystem

/// The interpreter of the slots' machines.
extension Reconciler {
    /// A step that a machine wants, and the requests that get its progress.
    private struct Performance {
        var step: SlotStep
        var tokens: [SlotMachine.Token]
    }

    /// Gives a slot's machine an event, and does what it wants.
    func send(_ id: ContainerID, _ event: (inout SlotMachine) -> [SlotEffect]) {
        guard let first = advance(id, event) else { return }
        queue.submit { [weak self] in await self?.perform(first, id) }
    }

    /// Performs a step and those that follow it, until the slot is idle.
    private func perform(_ first: Performance, _ id: ContainerID) async {
        var next: Performance? = first
        while let current = next {
            let result = await result(of: current, id)
            next = advance(id) { $0.stepped(result, now: now) }
        }
    }

    /// - Returns: The step that the machine wants, if it wants one.
    private func advance(_ id: ContainerID, _ event: (inout SlotMachine) -> [SlotEffect]) -> Performance? {
        ensureMachine(id)
        let before = machines[id]?.status
        let effects = event(&machines[id, default: SlotMachine(id: id)])
        if machines[id]?.status != before { statusSignal.yield() }
        return interpret(effects, id)
    }

    private func interpret(_ effects: [SlotEffect], _ id: ContainerID) -> Performance? {
        var performance: Performance?
        for effect in effects {
            switch effect {
            case .perform(let step, let tokens):
                assert(performance == nil, "\(id): two steps at once")
                performance = Performance(step: step, tokens: tokens)
            case .endPull: pulls.end(id)
            case .publish(let slot, let address, let since):
                let updated = WallClock.rfc3339(since)
                records.publish(
                    id,
                    SlotRecords.records(of: slot, address: address, node: node.id, updated: updated)
                )
            case .withdraw: records.publish(id, [])
            case .startTimer(let timer, let moment):
                queue.submit { [weak self, clock] in
                    guard (try? await clock.sleep(until: moment)) != nil else { return }
                    await self?.send(id) { $0.timerFired(timer, now: SlotTime(clock)) }
                }
            case .probe(let pid, let ending):
                if let sample = runner.processes.sample(pid), !sample.hasEnded { break }
                send(id) { $0.processEnded(pid: pid, ending, now: now) }
            case .report(let tokens, let line): watchers.report(tokens, line)
            case .resolve(let tokens, let failure): watchers.resolve(tokens, failure)
            case .log(let what): log(what, id)
            case .forget:
                machines[id] = nil
                statusSignal.yield()
            }
        }
        return performance
    }

    private func log(_ what: SlotLog, _ id: ContainerID) {
        switch what {
        case .processEnded(let reason, .leave(let why)):
            logger.info("process ended", metadata: ["slot": "\(id)", "reason": "\(reason)", "restart": "no: \(why)"])
        case .processEnded(let reason, .restart(let moment)):
            let delay = GoDuration.format(max(moment - clock.now, .zero))
            logger.info("process ended", metadata: ["slot": "\(id)", "reason": "\(reason)", "restart": "in \(delay)"])
        case .didNotRun(let failure):
            logger.warning("slot does not run", metadata: ["slot": "\(id)", "reason": "\(failure.reason)"])
        case .notRemoved(let failure):
            logger.warning(
                "cannot remove a slot; retrying",
                metadata: ["slot": "\(id)", "reason": "\(failure.reason)"]
            )
        case .notUndone(let failure):
            logger.warning(
                "cannot undo a failed start; retrying",
                metadata: ["slot": "\(id)", "reason": "\(failure.reason)"]
            )
        }
    }

    // MARK: Steps

    private func result(of performance: Performance, _ id: ContainerID) async -> SlotStepResult {
        do {
            return try await perform(performance.step, performance.tokens, id)
        } catch {
            let failure = SlotFailure(id, error)
            return Task.isCancelled ? .stopping(failure) : .failed(failure)
        }
    }

    private func perform(
        _ step: SlotStep,
        _ tokens: [SlotMachine.Token],
        _ id: ContainerID
    ) async throws -> SlotStepResult {
        switch step {
        case .observe(let slot, let isBegun): return .observed(try await observe(slot, isBegun: isBegun))
        case .checkImage(let service): return .image(isPresent: try await runner.hasImage(service))
        case .pull(let service): try await pull(service, id, tokens)
        case .begin(let operation): try await journalBook.begin(id, operation)
        case .finish: try await journalBook.finish(id)
        case .stop(let grace): try await runner.stop(id, grace: grace)
        case .tearDown(let grace): try await runner.tearDown(id.description, grace: grace)
        case .remove(let grace):
            try await runner.tearDown(id.description, grace: grace)
            try await addresses.release(id.description, node: node.id)
        case .start(let slot, let isNew): return try await start(slot, isNew: isNew, tokens)
        }
        return .done
    }

    private func observe(_ slot: Slot, isBegun: Bool) async throws -> SlotObservation {
        let container = try await runner.runtime.container(slot.id)
        var observation = SlotObservation(container: container)
        // A process that lives was started after everything else was done, unless it is of a start that a crash cut off.
        observation.isAttached = isBegun && container?.task?.isAlive == true
        guard slot.service.network else {
            try await releaseUnusedAddress(slot.id)
            return observation
        }
        if observation.isAttached { observation.isAttached = try await runner.network.isAttached(slot.id) }
        observation.address = await addresses.address(of: slot.id.description, node: node.id)
        return observation
    }

    /// Releases the address that an earlier form of a slot without the network had, unless its container still has it.
    private func releaseUnusedAddress(_ id: ContainerID) async throws {
        guard await addresses.address(of: id.description, node: node.id) != nil,
            try await runner.network.address(id.description) == nil
        else { return }
        try await addresses.release(id.description, node: node.id)
    }

    private func pull(_ service: Service, _ id: ContainerID, _ tokens: [SlotMachine.Token]) async throws {
        let (runner, watchers) = (runner, watchers)
        try await pulls.run(id, isEndedAs: "it is not wanted so any more") {
            try await runner.ensureImage(service) { step in
                watchers.report(tokens, SlotProgress(id: id, state: .pulling, pull: step))
            }
        }
    }

    private func start(_ slot: Slot, isNew: Bool, _ tokens: [SlotMachine.Token]) async throws -> SlotStepResult {
        let (id, watchers) = (slot.id, watchers)
        let report: SlotRunner.Report = { state, pull in
            watchers.report(tokens, SlotProgress(id: id, state: state, pull: pull))
        }
        if slot.service.network {
            _ = try await addresses.allocate([id.description], node: node.id)
        } else {
            try await releaseUnusedAddress(id)
        }
        do {
            return .started(
                isNew ? try await runner.bringUp(slot, report: report) : try await runner.restart(slot, report: report)
            )
        } catch let failure as SlotFailure where failure.hasRun {
            return .ended(failure, ending(failure.exitStatus, id))
        }
    }

    func ending(_ status: UInt32?, _ id: ContainerID) -> SlotEnding {
        SlotEnding(status: status, words: runner.describe(status, id))
    }
}
