import Logging
import StellarCore
import StellarRPC
import StellarSystem

/// What people ask for. Each call runs as a job in the app's turn.
extension Reconciler {
    typealias Progress = @Sendable (SlotProgress) -> Void

    /// Makes an app be as given, and returns when all its slots run.
    ///
    /// What is as it should be already is left alone; what changed is made anew; what is gone from the app goes. When a
    /// slot fails, the others go on, and the app stays: it is in the list, with the reason, and is tried again. Only an
    /// app of which nothing has run, and a change whose images cannot be had, are withdrawn.
    ///
    /// - Throws: `RPCError`, which names the first slot that does not run.
    nonisolated func create(_ app: App, progress: @escaping Progress) async throws {
        try await queue.perform {
            try await self.recover()
            try await self.appTurn.withUncancelledLock(app.name) { try await self.createInTurn(app, progress) }
        }
    }

    private func createInTurn(_ app: App, _ progress: @escaping Progress) async throws {
        if let reason = unreadable[app.name] {
            throw RPCError(.failedPrecondition, "the stored form of \(app.name) does not read: \(reason)")
        }
        let previous = apps[app.name]
        let desired = DesiredApp(
            app: app,
            assignment: try Placement.assign(app, to: [node], keeping: previous?.assignment ?? Assignment()),
            createdAt: previous?.createdAt ?? WallClock.now()
        )
        try await make(desired, from: previous, progress)
    }

    private func make(_ desired: DesiredApp, from previous: DesiredApp?, _ progress: @escaping Progress) async throws {
        let app = desired.app
        let change = AppChange(from: previous, to: desired, node: node.id)
        for slot in change.added + change.changed { progress(SlotProgress(id: slot.id, state: .waiting)) }
        try await acceptWithImages(desired, from: previous, change, progress)

        let graces = Self.graces(previous)
        let failures = await withTaskGroup(of: SlotFailure?.self) { group in
            for id in change.removed { group.addTask { await self.removeSlot(id, grace: graces[id.service]) } }
            for slot in change.added + change.changed + change.kept {
                group.addTask { await self.ensureSlot(slot, progress) }
            }
            var failures: [SlotFailure] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        guard !failures.isEmpty else { return }
        if previous == nil, failures.count == change.added.count, failures.allSatisfy({ !$0.hasRun }) {
            try await forget(app.name, change.added.map(\.id))
        }
        throw SlotFailure.error(failures, withLog: true) ?? RPCError(.internalError, "\(app.name) does not run")
    }

    /// Accepts the app, and pulls its images; takes it back where they cannot be had.
    private func acceptWithImages(
        _ desired: DesiredApp,
        from previous: DesiredApp?,
        _ change: AppChange,
        _ progress: @escaping Progress
    ) async throws {
        let name = desired.app.name
        awaitingImages.insert(name)
        defer { awaitingImages.remove(name) }
        if desired != previous { try await accept(desired, change) }
        let slots = change.added + change.changed
        guard let first = slots.first else { return }
        do {
            try await pullImages(slots, app: name, progress)
        } catch {
            try await withdraw(name, to: previous, change)
            let failure = SlotFailure(first.id, error)
            progress(SlotProgress(id: failure.id, state: .failed, message: failure.reason))
            throw RPCError(failure.code, "\(failure.id): \(failure.reason)")
        }
    }

    /// From here on the app should be so, whatever happens to this process.
    private func accept(_ desired: DesiredApp, _ change: AppChange) async throws {
        var begin: [ContainerID: SlotOperation] = [:]
        for id in change.removed { begin[id] = .delete }
        for slot in change.changed { begin[slot.id] = .replace }
        for slot in change.added { begin[slot.id] = .create }
        let (operations, name) = (begin, desired.app.name)
        let ids = (change.added + change.changed).filter(\.service.network).map(\.id.description)
        let record = StateStore.change(name, desired)
        _ = try await addresses.allocate(ids, node: node.id, changes: [record]) { connection in
            try StateStore.begin(operations, connection)
        }
        apps[name] = desired
        journal.merge(operations) { _, new in new }
        for slot in change.added { statuses[slot.id] = SlotStatus() }
        for slot in change.changed + change.kept { trackers[slot.id] = nil }
    }

    /// Takes back what ``accept(_:_:)`` wrote, before anything else was touched.
    private func withdraw(_ name: String, to previous: DesiredApp?, _ change: AppChange) async throws {
        try await store.commit(name, previous, begin: [:])
        apps[name] = previous
        for id in change.removed + (change.added + change.changed).map(\.id) {
            try await store.finish(id)
            journal[id] = nil
        }
        for slot in change.added {
            try await addresses.release(slot.id.description, node: node.id)
            statuses[slot.id] = nil
        }
    }

    /// An app of which nothing ran: its slots were undone one by one already.
    private func forget(_ name: String, _ ids: [ContainerID]) async throws {
        try await store.commit(name, nil, begin: [:])
        apps[name] = nil
        // Undone does not mean still undone: a look around may have begun one again meanwhile.
        for id in ids { submitRemoval(id.description) }
    }

    private func pullImages(_ slots: [Slot], app: String, _ progress: @escaping Progress) async throws {
        var first: [[String]: Slot] = [:]
        for slot in slots.reversed() { first[[slot.service.image, slot.service.snapshotter]] = slot }
        let (runner, images) = (runner, first.values.sorted { $0.id < $1.id })
        try await abortable(app) {
            try await withThrowingTaskGroup { group in
                for slot in images {
                    group.addTask {
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
    }

    /// Runs work that a delete of the app ends.
    private func abortable(_ app: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let (abort, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        aborts[app] = continuation
        defer { aborts[app] = nil }
        try await withThrowingTaskGroup { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in abort { throw RPCError(.aborted, "app \(app) was deleted meanwhile") }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func ensureSlot(_ slot: Slot, _ progress: @escaping Progress) async -> SlotFailure? {
        let id = slot.id
        return await slotTurn.withUncancelledLock(id) {
            do {
                try await ensure(slot, isAsked: true) { state, pull in
                    progress(SlotProgress(id: id, state: state, pull: pull))
                }
                return nil
            } catch {
                let failure = SlotFailure(id, error)
                progress(SlotProgress(id: id, state: .failed, message: failure.reason, log: failure.log))
                return failure
            }
        }
    }

    /// - Parameter grace: nil: what the service says, or the default where it is not known any more.
    private func removeSlot(_ id: ContainerID, grace: Duration?) async -> SlotFailure? {
        status(id, .deleting)
        return await slotTurn.withUncancelledLock(id) {
            do {
                try await remove(id.description, grace: grace ?? Service.defaultStopGracePeriod)
                return nil
            } catch {
                return SlotFailure(id, error)
            }
        }
    }

    /// Deletes an app, a service or a replica: gone for good, and when this returns, gone from the host.
    ///
    /// - Parameter name: `app`, `app.service` or `app.service.replica`, exactly.
    nonisolated func delete(_ name: String) async throws {
        try await queue.perform {
            let selection = try await self.select(name)
            try await self.recover()
            let isEnded = await self.abort(selection)
            try await self.appTurn.withUncancelledLock(selection.app) {
                try await self.deleteInTurn(name, selection, isEnded)
            }
        }
    }

    /// Ends a create that waits for its images, where the whole app is to go. Returns whether there was one.
    private func abort(_ selection: Selection) -> Bool {
        guard selection.service == nil, let create = aborts[selection.app] else { return false }
        create.yield()
        return true
    }

    /// - Parameter isEnded: The app's create was ended for this, and may have withdrawn the app itself.
    private func deleteInTurn(_ name: String, _ selection: Selection, _ isEnded: Bool) async throws {
        guard var desired = apps[selection.app] else {
            if isEnded { return }
            throw Self.notFound(name)
        }
        let selected = desired.assignment.entries.map(\.slot).filter(selection.contains)
        guard !selected.isEmpty else { throw Self.notFound(name) }
        let graces = Self.graces(desired)
        let mine = selected.filter { desired.assignment[$0] == node.id }
        for id in selected { desired.assignment[id] = nil }
        let left = desired.assignment.isEmpty ? nil : desired
        let begin = Dictionary(mine.map { ($0, SlotOperation.delete) }, uniquingKeysWith: { first, _ in first })
        try await store.commit(selection.app, left, begin: begin)
        apps[selection.app] = left
        journal.merge(begin) { _, new in new }

        let failures = await withTaskGroup(of: SlotFailure?.self) { group in
            for id in mine { group.addTask { await self.removeSlot(id, grace: graces[id.service]) } }
            var failures: [SlotFailure] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        for failure in failures { submitRemoval(failure.id.description, after: Self.firstRetry) }
        if let error = SlotFailure.error(failures, withLog: false) {
            throw RPCError(error.code, "\(error.message); it is tried again until it is gone")
        }
    }

    /// Stops and starts again the containers of an app, a service or a replica.
    nonisolated func restart(_ name: String) async throws {
        try await queue.perform {
            let selection = try await self.select(name)
            try await self.recover()
            try await self.appTurn.withUncancelledLock(selection.app) { try await self.restartInTurn(name, selection) }
        }
    }

    private func restartInTurn(_ name: String, _ selection: Selection) async throws {
        let selected = slots.filter { selection.contains($0.id) }
        guard !selected.isEmpty else { throw Self.notFound(name) }
        let failures = await withTaskGroup(of: SlotFailure?.self) { group in
            for slot in selected { group.addTask { await self.restartSlot(slot) } }
            var failures: [SlotFailure] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        if let error = SlotFailure.error(failures, withLog: true) { throw error }
    }

    private func restartSlot(_ slot: Slot) async -> SlotFailure? {
        await slotTurn.withUncancelledLock(slot.id) {
            do {
                try await restartInSlotTurn(slot)
                return nil
            } catch {
                return SlotFailure(slot.id, error)
            }
        }
    }

    private func restartInSlotTurn(_ slot: Slot) async throws {
        restartTickets[slot.id, default: 0] += 1
        trackers[slot.id] = nil
        records.publish(slot.id, [])
        // Not "running" any more, so that the end of its process is nobody's surprise.
        status(slot.id, .starting)
        try await runner.stop(slot.id, grace: slot.service.stopGracePeriod)
        try await ensure(slot, isAsked: true) { _, _ in }
    }

    private static func graces(_ desired: DesiredApp?) -> [String: Duration] {
        let services = desired?.app.services ?? []
        return Dictionary(services.map { ($0.name, $0.stopGracePeriod) }, uniquingKeysWith: { first, _ in first })
    }

    private func select(_ name: String) throws -> Selection {
        guard let selection = Selection(name), apps[selection.app] != nil else { throw Self.notFound(name) }
        return selection
    }

    static func notFound(_ name: String) -> RPCError { RPCError(.notFound, "application \(name) not found") }
}

/// One container at a time, as the original's daemons asked each other for.
extension Reconciler {
    /// Adds a slot to its app, which is made where it is missing, and returns when the slot runs.
    nonisolated func createSlot(_ id: ContainerID, _ service: Service) async throws {
        try await queue.perform {
            try await self.recover()
            try await self.appTurn.withUncancelledLock(id.app) { try await self.createSlotInTurn(id, service) }
        }
    }

    private func createSlotInTurn(_ id: ContainerID, _ service: Service) async throws {
        let previous = apps[id.app]
        var desired =
            previous ?? DesiredApp(app: App(name: id.app), assignment: Assignment(), createdAt: WallClock.now())
        var service = service
        if let index = desired.app.services.firstIndex(where: { $0.name == id.service }) {
            service.replicas = max(desired.app.services[index].replicas, id.replica + 1)
            desired.app.services[index] = service
        } else {
            service.replicas = id.replica + 1
            desired.app.services.append(service)
        }
        desired.assignment[id] = node.id
        try await make(desired, from: previous) { _ in }
    }
}
