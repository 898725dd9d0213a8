import StellarGossip
import StellarRPC

/// The stores of other nodes.
protocol StorePeers: Sendable {
    /// Every other node that is known, and whether it lives.
    func others() async -> [StorePeer]
    /// Opens an exchange with a node, and speaks in `body`.
    func exchange<Outcome: Sendable>(
        with name: String,
        _ body: @Sendable (StoreChannel) async throws -> Outcome
    ) async throws -> Outcome
    /// Asks nodes how far they have what another one wrote; no longer than `limit`.
    func seen(_ origin: String, by names: [String], limit: Duration) async -> [String: Result<StoreStamp, RPCError>]
}

struct StorePeer: Sendable, Hashable {
    var name: String
    /// It takes part, and there is sense in waiting for it.
    var isAlive: Bool
    /// It is gone and may come back.
    var isDead: Bool
}

/// One stream of an exchange, as each end has it.
struct StoreChannel: Sendable {
    var send: @Sendable ([UInt8]) async throws -> Void
    /// nil where the other side has said all.
    var receive: @Sendable () async throws -> [UInt8]?
    /// Nothing more will be sent.
    var finish: @Sendable () -> Void
}
