import StellarCore
import StellarRPC
import StellarStore

/// What came of a node's share of a command.
struct AppOutcome: Sendable, Hashable {
    /// Slots that do not run, or are not gone.
    var failures: [SlotFailure] = []
    /// What stands in place of the record that was to be applied.
    var superseded: AppVersion?
    /// What the node tells all others of the slots from now on.
    var facts: [StoreEntry] = []
}

/// The nodes involved in a command, as the one that took it sees them. ``PeerApps`` calls other daemons; tests fail any
/// call.
///
/// Every call is safe to repeat. It throws where the node cannot be spoken to; what the node itself failed at is in the
/// outcome.
protocol AppPeers: Sendable {
    typealias Progress = @Sendable (SlotProgress) -> Void

    /// The records of an app on nodes that have a newer one than `known`. Whoever does not say at once is not waited for.
    func newest(_ app: String, than known: AppVersion?, on nodes: [NodeView]) async -> [StoreEntry]
    /// Pulls images.
    func prepare(_ images: [Slot], on node: NodeView, _ progress: @escaping Progress) async throws -> AppOutcome
    /// Gives a node a record, which does its part of it.
    func apply(
        _ record: StoreEntry,
        isAsked: Bool,
        on node: NodeView,
        _ progress: @escaping Progress
    ) async throws -> AppOutcome
    /// Stops and starts slots.
    func restart(_ ids: [ContainerID], on node: NodeView, _ progress: @escaping Progress) async throws -> AppOutcome
}

/// This node's share of a command that another node took.
struct AppParticipant: Sendable {
    typealias Progress = @Sendable (SlotProgress) -> Void

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
    func apply(_ record: StoreEntry, isAsked: Bool, _ progress: @escaping Progress) async throws -> AppOutcome {
        guard record.key.bucket == StoreBucket.apps else {
            throw RPCError(.invalidArgument, "\(record.key.bucket) holds no apps")
        }
        let reconciler = reconciler
        return try await reconciler.queue.perform {
            try await reconciler.holding(record.key.key) {
                try await reconciler.store.take([record])
                try await reconciler.recover()
                return try await Self.settle(record, isAsked, reconciler, progress)
            }
        }
    }

    private static func settle(
        _ record: StoreEntry,
        _ isAsked: Bool,
        _ reconciler: Reconciler,
        _ progress: @escaping Progress
    ) async throws -> AppOutcome {
        let name = record.key.key
        reconciler.book.refresh(name)
        await reconciler.apply(name)
        var outcome = AppOutcome()
        if let reason = reconciler.book.current.undecodable[name] {
            throw RPCError(.failedPrecondition, "cannot decode the record of \(name): \(reason)")
        }
        if reconciler.book.current.versions[name] == AppVersion(record) {
            outcome.failures = await reconciler.reconcile(name, isAsked ? .requested : .noticed, progress)
            // So that the node that took the command knows what runs here as soon as it says so.
            outcome.facts = try await reconciler.writeFacts()
        }
        if let version = reconciler.book.current.versions[name], version != AppVersion(record) {
            outcome.superseded = version
        }
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
