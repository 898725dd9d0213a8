import StellarCore
import StellarStore

/// One node, as a command uses it: this one (``LocalNode``) or another (``RemoteNode``). Tests fail any call.
///
/// Every call is safe to repeat. What the node itself failed at is in the outcome.
protocol AppNode: Sendable {
    typealias Progress = @Sendable (SlotProgress) -> Void

    /// The record of an app, where the node has a newer one than `known` and says so at once.
    func newest(_ app: String, than known: AppVersion?) async -> StoreEntry?
    /// Pulls images, each for the slot that stands for it.
    ///
    /// - Throws: ``NodeUnreachable``, or why the node cannot work at all.
    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws -> AppOutcome
    /// Gives the node a record; it does its part of it.
    ///
    /// - Parameter occasion: `requested` starts slots at rest, too.
    /// - Throws: as ``prepare(_:_:)``.
    func apply(_ record: StoreEntry, _ occasion: Occasion, _ progress: @escaping Progress) async throws -> AppOutcome
    /// Stops the processes of slots and starts them again.
    ///
    /// - Throws: as ``prepare(_:_:)``.
    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async throws -> AppOutcome
}

/// What came of a node's share of a command.
struct AppOutcome: Sendable, Hashable {
    /// Slots that do not run, or are not removed.
    var failures: [SlotFailure] = []
    /// A newer record than the one that was to be applied.
    var superseded: AppVersion?
    /// The facts that the node reports of the slots from now on.
    var facts: [StoreEntry] = []
}
