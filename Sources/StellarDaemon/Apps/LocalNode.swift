import StellarCore
import StellarStore

/// This node's share of commands, whichever node took them.
struct LocalNode: AppNode {
    var reconciler: Reconciler

    func newest(_ app: String, than known: AppVersion?) -> StoreEntry? {
        guard let entry = reconciler.store.entry(StoreBucket.apps, app) else { return nil }
        if let known, AppVersion(entry) <= known { return nil }
        return entry
    }

    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws -> AppOutcome {
        do {
            try await reconciler.prepare(images, progress)
            return AppOutcome()
        } catch let failure as SlotFailure {
            return AppOutcome(failures: [failure])
        }
    }

    /// The work goes on when the caller goes away.
    func apply(_ record: StoreEntry, _ occasion: Occasion, _ progress: @escaping Progress) async throws -> AppOutcome {
        guard record.key.bucket == StoreBucket.apps else {
            throw AppError(.invalidArgument, "\(record.key.bucket) has no records of apps")
        }
        let (reconciler, name) = (reconciler, record.key.key)
        return try await reconciler.queue.perform {
            try await reconciler.holding(name) {
                if reconciler.store.entry(StoreBucket.apps, name) != record {
                    try await reconciler.store.take([record])
                }
                try await reconciler.recover()
                return try await Self.applied(record, occasion, reconciler, progress)
            }
        }
    }

    private static func applied(
        _ record: StoreEntry,
        _ occasion: Occasion,
        _ reconciler: Reconciler,
        _ progress: @escaping Progress
    ) async throws -> AppOutcome {
        let (name, book) = (record.key.key, reconciler.book)
        book.refresh(name)
        await reconciler.apply(name)
        if let reason = book.current.undecodable[name] {
            throw AppError(.failedPrecondition, "cannot decode the record of \(name): \(reason)")
        }
        var outcome = AppOutcome()
        if book.current.versions[name] == AppVersion(record) {
            outcome.failures = await reconciler.reconcile(name, occasion, progress)
            // So that the node that took the command knows what runs here as soon as it says so.
            outcome.facts = try await reconciler.writeFacts()
        }
        let version = book.current.versions[name]
        if version != AppVersion(record) { outcome.superseded = version }
        return outcome
    }

    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async throws -> AppOutcome {
        let reconciler = reconciler
        return try await reconciler.queue.perform {
            try await reconciler.recover()
            let failures = await reconciler.restart(ids, progress)
            return AppOutcome(failures: failures, facts: try await reconciler.writeFacts())
        }
    }
}
