import Logging
import StellarCore
import StellarRPC
import StellarSystem

/// Everything here runs in the slot's turn.
extension Reconciler {
    /// Brings a slot to run, from whatever state it is in.
    ///
    /// - Parameter occasion: what made somebody look after it.
    func ensure(_ slot: Slot, _ occasion: Occasion, report: @escaping SlotRunner.Report) async throws {
        let id = slot.id
        let begun = journal[id]
        do {
            let observed = try await runner.runtime.container(id)
            let needsNetwork = begun == .create && observed?.task?.isAlive == true
            var isAttached = needsNetwork
            if needsNetwork, slot.service.network { isAttached = try await runner.network.isAttached(id) }
            var plan = SlotPlan.plan(
                wanted: specification(slot),
                observed: observed,
                isAttached: isAttached,
                journal: begun
            )
            if plan == .restart || plan == .bringUp, occasion == .noticed, isPatient(id) { return }
            if plan == .adopt || plan == .restart, slot.service.network,
                await addresses.address(of: id.description, node: node.id) == nil
            {
                // Its address is of another subnet, or another container's by now.
                plan = .replace
            }
            if occasion == .asked || plan == .replace { atRest.remove(id) }
            switch plan {
            case .nothing, .remove: return
            case .adopt:
                let address = await addresses.address(of: id.description, node: node.id)
                try await running(slot, SlotRunner.Running(pid: observed?.task?.pid ?? 0, address: address))
                report(.running, nil)
            case .bringUp:
                try await ensureImage(slot, report)
                try await bringUp(slot, report: report)
            case .restart: try await startAgain(slot, report: report)
            case .replace:
                try await ensureImage(slot, report)
                records.publish(id, [])
                // Not "running" any more, so that the end of its process is nobody's surprise.
                restartTickets[id, default: 0] += 1
                status(id, .creating)
                try await runner.tearDown(id.description, grace: slot.service.stopGracePeriod)
                try await bringUp(slot, report: report)
            }
        } catch {
            let failure = SlotFailure(id, error)
            // What ended by itself has its status from the tracker.
            if !failure.hasRun { status(id, .failed, failure.reason) }
            throw failure
        }
    }

    /// It is to stay as it is: at rest, or until its wait after an end is over, for which somebody waits.
    private func isPatient(_ id: ContainerID) -> Bool {
        atRest.contains(id) || statuses[id]?.state == .restarting
    }

    /// Pulls the image where it is missing, until that is done or the slot is not wanted so any more.
    private func ensureImage(_ slot: Slot, _ report: @escaping SlotRunner.Report) async throws {
        if try await runner.hasImage(slot.service) { return }
        let (id, runner) = (slot.id, runner)
        status(id, .pulling)
        try await pulls.run(id, isEndedAs: "it is not wanted so any more") {
            try await runner.ensureImage(slot.service) { report(.pulling, $0) }
        }
    }

    private func bringUp(_ slot: Slot, report: @escaping SlotRunner.Report) async throws {
        let id = slot.id
        status(id, .creating)
        earlyExits[id] = nil
        if journal[id] == nil {
            try await journalBook.begin(id, .create)
            journal[id] = .create
        }
        do {
            if slot.service.network {
                _ = try await addresses.allocate([id.description], node: node.id)
            }
            try await running(slot, try await runner.bringUp(slot, report: report))
        } catch {
            try await failed(slot, SlotFailure(id, error))
        }
    }

    private func startAgain(_ slot: Slot, report: @escaping SlotRunner.Report) async throws {
        let id = slot.id
        status(id, .creating)
        earlyExits[id] = nil
        try await journalBook.begin(id, .create)
        journal[id] = .create
        do {
            if slot.service.network {
                _ = try await addresses.allocate([id.description], node: node.id)
            }
            try await running(slot, try await runner.restart(slot, report: report))
        } catch {
            try await failed(slot, SlotFailure(id, error))
        }
    }

    /// A program that ended stays as it is, for its log and its next start. Everything else that failed is undone.
    private func failed(_ slot: Slot, _ failure: SlotFailure) async throws -> Never {
        if failure.hasRun {
            try await finish(slot.id)
            let exit = earlyExits.removeValue(forKey: slot.id)
            decide(slot, exit?.status ?? failure.exitStatus)
            throw failure
        }
        status(slot.id, .failed, failure.reason)
        // A daemon that stops leaves the journal to the next start.
        if !Task.isCancelled {
            do {
                try await remove(slot.id.description, grace: .zero)
            } catch {
                let reason = RPCError(of: error).message
                logger.warning(
                    "cannot undo a slot that did not come up; it is tried again",
                    metadata: ["slot": "\(slot.id)", "reason": "\(reason)"]
                )
            }
        }
        throw failure
    }

    /// Takes a slot's container and everything of it from the host, and forgets it.
    func remove(_ id: String, grace: Duration) async throws {
        let slotID = ContainerID(id)
        if let slotID {
            records.publish(slotID, [])
            restartTickets[slotID, default: 0] += 1
        }
        try await runner.tearDown(id, grace: grace)
        try await addresses.release(id, node: node.id)
        guard let slotID else { return }
        try await finish(slotID)
        trackers[slotID] = nil
        earlyExits[slotID] = nil
        atRest.remove(slotID)
        if slot(slotID) == nil {
            statuses[slotID] = nil
            leaving[slotID] = nil
        }
    }

    private func running(_ slot: Slot, _ running: SlotRunner.Running) async throws {
        let id = slot.id
        try await finish(id)
        trackers[id, default: RestartTracker(policy: slot.service.restart)].started(at: .now)
        var status = statuses[id] ?? SlotStatus()
        status.state = running.isDone ? .stopped : .running
        status.reason = running.isDone ? "it has done its work" : ""
        status.address = running.address
        status.pid = running.pid
        status.startedAt = WallClock.now()
        statuses[id] = status
        if running.isDone {
            atRest.insert(id)
            return
        }
        if let address = running.address {
            records.publish(
                id,
                SlotRecords.records(
                    of: slot,
                    address: address,
                    node: node.id,
                    updated: WallClock.rfc3339(status.startedAt)
                )
            )
        }
        if let exit = earlyExits.removeValue(forKey: id) { ended(id, exit) }
    }

    private func finish(_ id: ContainerID) async throws {
        guard journal[id] != nil else { return }
        try await journalBook.finish(id)
        journal[id] = nil
    }

    func status(_ id: ContainerID, _ state: SlotState, _ reason: String = "") {
        statuses[id, default: SlotStatus()].state = state
        statuses[id]?.reason = reason
    }
}

/// What made somebody look after a slot.
enum Occasion: Sendable, Hashable {
    /// Somebody asked for it to run: what is at rest is started too, and nothing waits.
    case asked
    /// The wait after its process ended is over.
    case due
    /// News of its app, or a look around: what is at rest stays so, and what waits to be started again goes on waiting.
    case noticed
}

/// When a process ended; not in the slot's turn.
extension Reconciler {
    func ended(_ id: ContainerID, _ exit: Exit) {
        guard let slot = slot(id) else { return }
        guard let status = statuses[id], status.state == .running else {
            earlyExits[id] = exit
            return
        }
        // News of an earlier process may come late.
        if let sample = runner.processes.sample(status.pid), !sample.hasEnded { return }
        decide(slot, exit.status)
    }

    /// What the policy says to an end.
    func decide(_ slot: Slot, _ exitStatus: UInt32?) {
        let id = slot.id
        records.publish(id, [])
        let reason = "it ended \(runner.describe(exitStatus, id))"
        statuses[id]?.pid = 0
        var tracker = trackers[id] ?? RestartTracker(policy: slot.service.restart)
        // An end without a known status counts as a failure.
        let decision = tracker.exited(.init(status: exitStatus ?? Self.unknownStatus), at: .now)
        trackers[id] = tracker
        statuses[id]?.restarts = tracker.restarts
        switch decision {
        case .leave(let why):
            status(id, exitStatus == 0 ? .stopped : .failed, "\(reason); \(why)")
            atRest.insert(id)
        case .restart(let moment):
            status(id, .restarting, reason)
            restartTickets[id, default: 0] += 1
            let ticket = restartTickets[id]
            queue.submit { [weak self] in
                guard (try? await Task.sleep(until: moment, clock: .continuous)) != nil else { return }
                await self?.restart(id, ticket: ticket)
            }
        }
        logger.info("process ended", metadata: ["slot": "\(id)", "reason": "\(reason)", "next": "\(decision)"])
    }

    static let unknownStatus: UInt32 = 255

    private func restart(_ id: ContainerID, ticket: Int?) async {
        await slotTurn.withUncancelledLock(id) {
            guard let slot = slot(id), restartTickets[id] == ticket else { return }
            do {
                try await ensure(slot, .due) { _, _ in }
            } catch {
                let failure = SlotFailure(id, error)
                logger.warning("restart failed", metadata: ["slot": "\(id)", "reason": "\(failure.reason)"])
            }
        }
    }
}
