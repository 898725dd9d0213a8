import Logging
import StellarCore
import StellarRPC
import StellarSystem

extension Reconciler {
    /// Compares what runs with what should, and sets right what differs, as jobs.
    func reconcile(_ observed: [ObservedContainer]) {
        let containers = Dictionary(observed.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for slot in slots {
            let status = statuses[slot.id] ?? SlotStatus()
            switch status.state {
            case .pulling, .creating, .starting, .deleting, .removed, .restarting: continue
            case .waiting, .running, .stopped, .failed: break
            }
            let container = containers[slot.id.description]
            if let container, !container.isMade(from: specification(slot)) {
                submitEnsure(slot)
                continue
            }
            if let task = container?.task, task.isAlive, journal[slot.id] == nil {
                if status.state != .running || status.pid != task.pid { submitEnsure(slot) }
                continue
            }
            if status.state == .running, journal[slot.id] == nil {
                // An exit whose event did not reach us.
                ended(slot.id, Exit(status: container?.task?.exitStatus))
                continue
            }
            guard !atRest.contains(slot.id) else { continue }
            if journal[slot.id] == nil, status.state == .waiting, let container, isOver(slot, container) { continue }
            submitEnsure(slot)
        }
        for id in Set(journal.keys).union(leaving.keys) where slot(id) == nil { submitRemoval(id.description) }
    }

    /// Its process ended before this daemon started, in a way that its policy calls final.
    private func isOver(_ slot: Slot, _ container: ObservedContainer) -> Bool {
        var tracker = RestartTracker<ContinuousClock.Instant>(policy: slot.service.restart)
        guard let task = container.task else {
            guard slot.service.restart.condition == .never else { return false }
            rest(slot.id, .stopped, "it has ended; its exit status is not known")
            return true
        }
        switch tracker.exited(.init(status: task.exitStatus), at: .now) {
        case .restart: return false
        case .leave(let why):
            let ending = "it ended \(runner.describe(task.exitStatus, slot.id)); \(why)"
            rest(slot.id, task.exitStatus == 0 ? .stopped : .failed, ending)
            return true
        }
    }

    private func rest(_ id: ContainerID, _ state: SlotState, _ reason: String) {
        atRest.insert(id)
        statuses[id, default: SlotStatus()].state = state
        statuses[id]?.reason = reason
    }

    func submitEnsure(_ slot: Slot) {
        // The state tells the next look around that someone is at it.
        statuses[slot.id, default: SlotStatus()].state = .creating
        queue.submit { [weak self] in
            await self?.ensureQuietly(slot.id)
        }
    }

    private func ensureQuietly(_ id: ContainerID) async {
        await slotTurn.withUncancelledLock(id) {
            guard let slot = slot(id) else { return }
            do {
                try await ensure(slot, .noticed) { _, _ in }
            } catch {
                let failure = SlotFailure(id, error)
                logger.warning("slot does not run", metadata: ["slot": "\(id)", "reason": "\(failure.reason)"])
            }
        }
    }

    private func removeStray(_ id: String) async {
        if let id = ContainerID(id), slot(id) != nil { return }
        logger.info("removing what belongs to no app", metadata: ["id": "\(id)"])
        do {
            try await removeUnlessDesired(id)
        } catch {
            logger.warning(
                "cannot remove it yet",
                metadata: ["id": "\(id)", "reason": "\(RPCError(of: error).message)"]
            )
            submitRemoval(id, after: Self.firstRetry)
        }
    }

    /// A removal that failed is tried again soon at first, and then at the pace of the look around.
    static let firstRetry = Duration.milliseconds(500)

    /// Removes, as a job, what is left of a slot, and goes on until it is gone. A second job for the same id is none.
    func submitRemoval(_ id: String, after delay: Duration = .zero) {
        guard removals.insert(id).inserted else { return }
        queue.submit { [weak self] in
            var delay = delay
            while await self?.removalIsDone(id, after: delay) == false {
                delay = min(max(delay * 2, Self.firstRetry), Self.period)
            }
        }
    }

    private func removalIsDone(_ id: String, after delay: Duration) async -> Bool {
        do {
            try await Task.sleep(for: delay)
            try await removeUnlessDesired(id)
        } catch {
            guard !Task.isCancelled else { return true }
            logger.warning(
                "cannot remove it yet",
                metadata: ["id": "\(id)", "reason": "\(RPCError(of: error).message)"]
            )
            return false
        }
        removals.remove(id)
        return true
    }

    private func removeUnlessDesired(_ id: String) async throws {
        guard let slotID = ContainerID(id) else { return try await remove(id, grace: .zero) }
        try await slotTurn.withUncancelledLock(slotID) {
            guard slot(slotID) == nil else { return }
            try await remove(id, grace: leaving[slotID] ?? Service.defaultStopGracePeriod)
        }
    }

    /// What carries our names but belongs to no slot of this node.
    func strays(_ observed: [ObservedContainer]) async throws -> Set<String> {
        var strays = Set(observed.map(\.id))
        strays.formUnion(try await runner.network.attachedIDs())
        strays.formUnion(try await runner.files.ids())
        strays.formUnion(await addresses.ids(node: node.id))
        return strays.subtracting(slots.map(\.id.description))
    }

    /// Takes over the addresses that containers have and the disk does not know of, so that nobody else gets them.
    func readAddresses(of observed: [ObservedContainer]) async throws {
        var ids = Set(observed.map(\.id))
        ids.formUnion(try await runner.network.attachedIDs())
        for id in ids.subtracting(await addresses.ids(node: node.id)).sorted() {
            do {
                guard let address = try await runner.network.address(id) else { continue }
                try await addresses.keep(address, of: id, node: node.id)
            } catch {
                logger.warning(
                    "cannot read a container's address",
                    metadata: ["id": "\(id)", "reason": "\(RPCError(of: error).message)"]
                )
            }
        }
    }

    /// Removes what a crash or an older state left, unless it is wanted by now.
    func remove(_ strays: Set<String>) async {
        // At once, as each may have a process that takes its grace period to end.
        await withDiscardingTaskGroup { group in
            for id in strays.sorted() { group.addTask { await self.removeStray(id) } }
        }
    }

    /// Removes what is the node's in containerd and belongs to no container. Nobody may be creating meanwhile.
    func sweep(keeping strays: Set<String>) async {
        // What cannot be swept now must not keep the node from working.
        var swept: [String] = []
        do {
            swept += try await runner.runtime.sweep(keeping: strays.union(slots.map(\.id.description)))
        } catch {
            logger.warning("cannot sweep the host", metadata: ["reason": "\(RPCError(of: error).message)"])
        }
        for thing in swept { logger.info("removed what no container owned", metadata: ["what": "\(thing)"]) }
    }
}
