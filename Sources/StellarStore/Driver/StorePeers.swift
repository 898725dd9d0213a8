/// The stores of other nodes.
package protocol StorePeers: Sendable {
    /// Every other node that is known.
    func others() async -> [StorePeer]
    /// Opens a stream for an exchange with a node, for `body`.
    func exchange<Outcome: Sendable>(
        with name: String,
        _ body: @Sendable (StoreChannel) async throws -> Outcome
    ) async throws -> Outcome
    /// Asks nodes how far they have the writes of `origin`, within `limit`.
    func seen(
        _ origin: String,
        by names: [String],
        limit: Duration
    ) async -> [String: Result<StoreStamp, StorePeerError>]
}

/// Another node.
package struct StorePeer: Sendable, Hashable {
    package var name: String
    /// It is alive or suspect.
    package var isAlive: Bool
    /// It is dead, and may come back.
    package var isDead: Bool

    package init(name: String, isAlive: Bool, isDead: Bool) {
        (self.name, self.isAlive, self.isDead) = (name, isAlive, isDead)
    }
}

/// One stream of an exchange, as each end has it.
package struct StoreChannel: Sendable {
    package var send: @Sendable ([UInt8]) async throws -> Void
    /// Returns nil when the other side sends no more.
    package var receive: @Sendable () async throws -> [UInt8]?
    /// Ends this side's messages.
    package var finish: @Sendable () -> Void

    package init(
        send: @escaping @Sendable ([UInt8]) async throws -> Void,
        receive: @escaping @Sendable () async throws -> [UInt8]?,
        finish: @escaping @Sendable () -> Void
    ) {
        (self.send, self.receive, self.finish) = (send, receive, finish)
    }
}

/// Why a node's store could not speak with another one's.
package struct StorePeerError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// No node has this name.
        case notFound
        /// One of the two nodes cannot do it now; another node may.
        case unavailable
        /// No progress in time.
        case timedOut
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        (self.code, self.message) = (code, message)
    }

    package var description: String { message }
}
