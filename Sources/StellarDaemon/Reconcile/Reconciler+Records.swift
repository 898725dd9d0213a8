import Logging
import StellarCore
import StellarStorage
import StellarStore

/// What should run: records of this node's commands, and of others.
extension Reconciler {
    /// Writes what should run of an app; nil: nothing. From here on it should be so, whatever happens to this process.
    ///
    /// The record, the addresses that its slots get here and the journal are one transaction. Nothing of the host is
    /// touched: ``reconcile(_:_:_:)`` follows.
    ///
    /// - Returns: the record as it was written; nil where something else came after `basis`, and nothing was written.
    func commit(_ name: String, _ desired: DesiredApp?, after basis: AppVersion?) async throws -> StoreEntry? {
        book.current.versions[name] == basis ? try await commit(name, desired) : nil
    }

    /// The same, whatever the newest record is.
    func commit(_ name: String, _ desired: DesiredApp?) async throws -> StoreEntry {
        let plan = AppPlan(from: book.current.apps[name], to: desired)
        let operations = plan.operations(on: node.id)
        let changes = [StoreChange(StoreBucket.apps, name, desired?.encoded)]
        let ids = plan.made(on: node.id).filter(\.service.network).map(\.id.description)
        let written: [StoreEntry]
        if ids.isEmpty {
            written = try await store.write(changes) { try JournalBook.begin(operations, $0) }
        } else {
            written = try await addresses.allocate(ids, node: node.id, changes: changes) {
                try JournalBook.begin(operations, $0)
            }.entries
        }
        guard let entry = written.first else { throw Cause(.internalError, "the record of \(name) was not written") }
        journaled(operations)
        book.apply(desired, writtenAs: entry)
        apply(name)
        return entry
    }

    /// The disk has these operations.
    func journaled(_ operations: [ContainerID: SlotOperation]) {
        for (id, operation) in operations {
            ensureMachine(id)
            machines[id]?.journal = operation
        }
    }

    /// Applies the newest record of an app to this node's slots. Nothing of the host is touched.
    func apply(_ name: String) {
        let book = book.current
        // What nobody can decode changes nothing, and is not applied: it may be explained yet.
        guard book.undecodable[name] == nil else { return }
        guard applied[name] != book.versions[name] || book.apps[name] == nil else { return }
        applied[name] = book.versions[name]
        let slots = book.apps[name]?.slots(on: node.id) ?? []
        let gone = Set(known(of: name).map(\.id)).subtracting(slots.map(\.id))
        var hashes: [String: SpecificationHash] = [:]
        for slot in slots {
            let hash = hashes[slot.service.name] ?? SpecificationHash(of: slot.service)
            hashes[slot.service.name] = hash
            send(slot.id) { $0.apply(DesiredSlot(slot, specification: hash)) }
        }
        for id in gone.sorted() { send(id) { $0.apply(nil) } }
        if !slots.isEmpty || !gone.isEmpty { pending.insert(name) }
    }

    private func known(of app: String) -> [Slot] {
        machines.values.compactMap { $0.id.app == app ? $0.desired?.slot : nil }
    }

    /// Applies the records of apps that changed, and brings them about.
    func bookChanged(_ names: Set<String>) {
        for name in names.sorted() {
            apply(name)
            reconcileInBackground(name)
        }
    }

    /// Runs a command about an app: the command brings about what newer records of the app say meanwhile.
    func holding<Result: Sendable>(
        _ name: String,
        _ body: @Sendable () async throws -> Result
    ) async rethrows -> Result {
        commands[name, default: 0] += 1
        defer {
            commands[name, default: 1] -= 1
            if commands[name] == 0 {
                commands[name] = nil
                reconcileInBackground(name)
            }
        }
        return try await body()
    }

    private func reconcileInBackground(_ name: String) {
        guard commands[name] == nil, pending.contains(name) else { return }
        queue.submit { [weak self] in
            guard let self, (try? await self.recover()) != nil else { return }
            for failure in await self.reconcile(name, .noticed, { _ in }) {
                self.logger.warning(
                    "slot does not run",
                    metadata: ["slot": "\(failure.id)", "reason": "\(failure.reason)"]
                )
            }
        }
    }
}
