import Logging
import StellarCore
import StellarGossip
import StellarRPC
import StellarStorage

/// What should run: news of it, from this node's commands and from others.
extension Reconciler {
    /// Writes what should run of an app; nil: nothing. From here on it should be so, whatever happens to this process.
    ///
    /// The record, the addresses that its slots get here and the journal are one transaction. Nothing of the host is
    /// touched: ``settle(_:isAsked:_:)`` follows.
    ///
    /// - Returns: the record as it was written; nil where something else came after `basis`, and nothing was written.
    func commit(_ name: String, _ desired: DesiredApp?, after basis: AppVersion?) async throws -> StoreEntry? {
        book.current.versions[name] == basis ? try await commit(name, desired) : nil
    }

    /// The same, whatever is said by now.
    func commit(_ name: String, _ desired: DesiredApp?) async throws -> StoreEntry {
        let change = AppChange(from: book.current.apps[name], to: desired, node: node.id)
        let operations = Self.operations(change)
        let changes = [StoreChange(StoreBucket.apps, name, desired?.encoded)]
        let ids = (change.added + change.changed).filter(\.service.network).map(\.id.description)
        let written: [StoreEntry]
        if ids.isEmpty {
            written = try await store.write(changes) { try JournalBook.begin(operations, $0) }
        } else {
            written = try await addresses.allocate(ids, node: node.id, changes: changes) {
                try JournalBook.begin(operations, $0)
            }.entries
        }
        guard let entry = written.first else { throw RPCError(.internalError, "the record of \(name) was not written") }
        journal.merge(operations) { _, new in new }
        book.apply(desired, writtenAs: entry)
        apply(name)
        return entry
    }

    static func operations(_ change: AppChange) -> [ContainerID: SlotOperation] {
        var begin: [ContainerID: SlotOperation] = [:]
        for id in change.removed { begin[id] = .delete }
        for slot in change.changed { begin[slot.id] = .replace }
        for slot in change.added { begin[slot.id] = .create }
        return begin
    }

    /// Applies the newest record of an app to this node's slots. Nothing of the host is touched.
    func apply(_ name: String) {
        let book = book.current
        guard book.versions[name] != applied[name]?.version || book.apps[name] == nil else { return }
        let (previous, desired) = (applied[name]?.desired, book.apps[name])
        applied[name] = AppliedApp(desired: desired, version: book.versions[name])
        guard book.undecodable[name] == nil else { return }
        let change = AppChange(from: previous, to: desired, node: node.id)
        specifications[name] = desired.map { desired in
            let here = Set(desired.slots(on: node.id).map(\.service))
            return Dictionary(
                here.map { ($0.name, SpecificationHash(of: $0)) },
                uniquingKeysWith: { first, _ in first }
            )
        }
        for id in change.removed {
            leaving[id] = previous?.app.service(named: id.service)?.stopGracePeriod ?? Service.defaultStopGracePeriod
            pulls.end(id)
        }
        for slot in change.changed { pulls.end(slot.id) }
        for slot in change.changed {
            // What runs of it is not what should, until it is made anew.
            status(slot.id, .waiting)
            atRest.remove(slot.id)
        }
        for slot in change.changed + change.kept { trackers[slot.id] = nil }
        for slot in change.added {
            leaving[slot.id] = nil
            statuses[slot.id] = SlotStatus()
        }
        if !change.removed.isEmpty || !change.changed.isEmpty || !change.added.isEmpty || !change.kept.isEmpty {
            unsettled.insert(name)
        }
    }

    /// Applies what the book says now of apps that changed.
    func bookChanged(_ names: Set<String>) {
        for name in names.sorted() {
            apply(name)
            settleInBackground(name)
        }
    }

    /// Runs a command about an app: what is to be done here because of news of the app, it does itself.
    func holding<Result: Sendable>(
        _ name: String,
        _ body: @Sendable () async throws -> Result
    ) async rethrows -> Result {
        held[name, default: 0] += 1
        defer {
            held[name, default: 1] -= 1
            if held[name] == 0 {
                held[name] = nil
                settleInBackground(name)
            }
        }
        return try await body()
    }

    private func settleInBackground(_ name: String) {
        guard held[name] == nil, unsettled.contains(name) else { return }
        queue.submit { [weak self] in
            guard let self, (try? await self.recover()) != nil else { return }
            for failure in await self.settle(name, isAsked: false, { _ in }) {
                self.logger.warning(
                    "slot is not as it should be",
                    metadata: ["slot": "\(failure.id)", "reason": "\(failure.reason)"]
                )
            }
        }
    }
}

extension Reconciler {
    /// This node's subnet is another now: each of its slots that has the network gets a container made anew, with an address
    /// of that subnet; what is at rest gets one when it is started. What fails is tried again by the look around.
    ///
    /// - Throws: where the journal cannot be written; nothing has happened then.
    func readdress() async throws {
        let networked = slots.filter { $0.service.network && !atRest.contains($0.id) }
        let operations = Dictionary(
            networked.map { ($0.id, SlotOperation.replace) },
            uniquingKeysWith: { first, _ in first }
        )
        try await journalBook.begin(operations)
        journal.merge(operations) { _, new in new }
        for slot in networked { submitEnsure(slot) }
    }
}
