import Logging
import StellarCore
import StellarRPC
import StellarStorage
import StellarSystem

/// This node's share of what people ask.
extension Reconciler {
    typealias Progress = @Sendable (SlotProgress) -> Void

    /// Brings this node's slots of an app to what they should be now: what is as it should be is left alone; what changed
    /// is made anew; what is gone from the app goes. A slot that fails keeps no other from being done, and is tried again.
    ///
    /// - Parameter isAsked: Someone asked for it, so that slots at rest are started too.
    /// - Returns: What does not run, or is not gone.
    func settle(_ name: String, isAsked: Bool, _ progress: @escaping Progress) async -> [SlotFailure] {
        unsettled.remove(name)
        let slots = applied[name]?.desired?.slots(on: node.id) ?? []
        let removed = leaving.keys.filter { $0.app == name }.sorted()
        await begin(slots)
        return await withTaskGroup(of: SlotFailure?.self) { group in
            for id in removed { group.addTask { await self.removeSlot(id, progress) } }
            for slot in slots { group.addTask { await self.ensureSlot(slot.id, isAsked: isAsked, progress) } }
            var failures: [SlotFailure] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
    }

    /// Writes into the journal, in one go, what is about to be made because of a record that came from elsewhere. Where it
    /// cannot, each slot says why.
    private func begin(_ slots: [Slot]) async {
        let new = slots.filter { journal[$0.id] == nil && statuses[$0.id]?.state == .waiting }
        guard new.count > 1 else { return }
        let operations = Dictionary(new.map { ($0.id, SlotOperation.create) }, uniquingKeysWith: { first, _ in first })
        let ids = new.filter(\.service.network).map(\.id.description)
        do {
            _ = try await addresses.allocate(ids, node: node.id, changes: []) {
                try JournalBook.begin(operations, $0)
            }
            journal.merge(operations) { old, _ in old }
        } catch {
            logger.debug("cannot begin all at once", metadata: ["reason": "\(RPCError(of: error).message)"])
        }
    }

    private func ensureSlot(_ id: ContainerID, isAsked: Bool, _ progress: @escaping Progress) async -> SlotFailure? {
        await slotTurn.withUncancelledLock(id) {
            // It may have been told to go meanwhile.
            guard let slot = slot(id) else { return nil }
            do {
                try await ensure(slot, isAsked ? .asked : .noticed) { state, pull in
                    progress(SlotProgress(id: id, state: state, pull: pull))
                }
                return nil
            } catch {
                guard self.slot(id) == slot else { return nil }
                let failure = SlotFailure(id, error)
                progress(SlotProgress(id: id, state: .failed, message: failure.reason, log: failure.log))
                return failure
            }
        }
    }

    private func removeSlot(_ id: ContainerID, _ progress: @escaping Progress) async -> SlotFailure? {
        if slot(id) == nil { status(id, .deleting) }
        return await slotTurn.withUncancelledLock(id) {
            guard slot(id) == nil, let grace = leaving[id] else { return nil }
            progress(SlotProgress(id: id, state: .deleting))
            do {
                try await remove(id.description, grace: grace)
                progress(SlotProgress(id: id, state: .removed))
                return nil
            } catch {
                let failure = SlotFailure(id, error)
                submitRemoval(id.description, after: Self.firstRetry)
                progress(SlotProgress(id: id, state: .deleting, message: failure.reason))
                return failure
            }
        }
    }

    /// Pulls images, each for the slot that stands for it. Nothing but images is changed.
    ///
    /// - Throws: `SlotFailure` where an image cannot be had; anything else where this node cannot work.
    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws {
        let runner = runner
        try await withThrowingTaskGroup { group in
            for slot in images {
                group.addTask {
                    // Not the image's fault: another node may do.
                    if try await runner.hasImage(slot.service) { return }
                    do {
                        try await runner.ensureImage(slot.service) { step in
                            progress(SlotProgress(id: slot.id, state: .pulling, pull: step))
                        }
                    } catch {
                        throw SlotFailure(slot.id, error)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Stops and starts again slots of this node.
    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async -> [SlotFailure] {
        await withTaskGroup(of: SlotFailure?.self) { group in
            for id in ids { group.addTask { await self.restartSlot(id, progress) } }
            var failures: [SlotFailure] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
    }

    private func restartSlot(_ id: ContainerID, _ progress: @escaping Progress) async -> SlotFailure? {
        await slotTurn.withUncancelledLock(id) {
            guard let slot = slot(id) else { return nil }
            do {
                try await restartInTurn(slot, progress)
                return nil
            } catch {
                let failure = SlotFailure(id, error)
                progress(SlotProgress(id: id, state: .failed, message: failure.reason, log: failure.log))
                return failure
            }
        }
    }

    private func restartInTurn(_ slot: Slot, _ progress: @escaping Progress) async throws {
        let id = slot.id
        // Where the disk is full, the process that is there goes on.
        if journal[id] == nil { try await journalBook.begin(id, .create) }
        restartTickets[id, default: 0] += 1
        trackers[id] = nil
        records.publish(id, [])
        // Not "running" any more, so that the end of its process is nobody's surprise.
        status(id, .starting)
        progress(SlotProgress(id: id, state: .restarting))
        do {
            try await runner.stop(id, grace: slot.service.stopGracePeriod)
        } catch {
            if journal[id] == nil { try? await journalBook.finish(id) }
            // The next look around finds out whether it still runs.
            status(id, .failed, RPCError(of: error).message)
            throw error
        }
        try await ensure(slot, .asked) { state, pull in
            progress(SlotProgress(id: id, state: state, pull: pull))
        }
    }
}
