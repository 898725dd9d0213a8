import StellarStorage
import StellarStore

/// The replicated store, as the daemon's parts use it. ``ReplicatedStore`` is the real one.
///
/// Keys in buckets, the same on every node after a while. A write is one node's alone and at once durable there; of two
/// writes of one key the newer wins everywhere. What is read is what this node knows, from memory, without a wait.
protocol StorePort: Sendable {
    /// This node: the origin of what it writes.
    var node: String { get }

    /// What is known of a key; a tombstone, too.
    func entry(_ bucket: String, _ key: String) -> StoreEntry?

    /// The live entries whose keys begin with `prefix`, by the bytes of their keys.
    func entries(_ bucket: String, prefix: String) -> [StoreEntry]

    /// Writes, in one transaction with what `alongside` writes into tables of this node alone.
    ///
    /// - Parameters:
    ///   - changes: each gets a stamp of its own; there may be none.
    ///   - durability: `lazy` for what is written again after a crash: it costs no flush of its own.
    ///   - alongside: only writes through its connection, as it may run a second time.
    /// - Returns: what was written, in the order of `changes`.
    /// - Throws: `StorageError`; `StoreError` for what is too large; what `alongside` throws. Then nothing happened.
    @discardableResult
    func write(
        _ changes: [StoreChange],
        durability: Database.Durability,
        alongside: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> [StoreEntry]

    /// Takes over what another node has given: durable when it returns. What is older than what is known here is dropped;
    /// ``entry(_:_:)`` shows which.
    func take(_ entries: [StoreEntry]) async throws

    /// What changes in a bucket from now on, also by writes of this node; tombstones, too.
    func changes(in bucket: String) -> StoreFeed

    /// Whether this node has taken over, since its daemon started, all that some other live node had; or nobody else lives.
    var hasSynced: Bool { get }

    /// Whether it has compared all it holds with another node's, since its daemon started.
    var hasExchanged: Bool { get }

    /// Up to which stamp of this node's writes each other node has all, as far as it has said.
    func seen() -> [String: StoreStamp]

    /// Waits until each live node has this node's writes up to `stamp`; those that are behind are asked.
    ///
    /// - Parameter limit: After it, the other nodes are returned in the state that they have.
    func waitConverged(_ stamp: StoreStamp, within limit: Duration) async -> [StoreConvergence]
}

extension StorePort {
    /// The live entry of a key.
    func value(_ bucket: String, _ key: String) -> StoreEntry? {
        entry(bucket, key).flatMap { $0.value == nil ? nil : $0 }
    }

    func entries(_ bucket: String) -> [StoreEntry] { entries(bucket, prefix: "") }

    @discardableResult
    func write(
        _ changes: [StoreChange],
        alongside: @escaping @Sendable (Connection) throws -> Void = { _ in }
    ) async throws -> [StoreEntry] {
        try await write(changes, durability: .durable, alongside: alongside)
    }
}
