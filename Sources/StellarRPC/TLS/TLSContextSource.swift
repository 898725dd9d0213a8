package import Logging
package import NIOCore
internal import Synchronization

/// The TLS of one client or server: makes a handler for each connection, from files that may be replaced at any time.
///
/// When a connection comes and the last look is a second or more ago, the files' stamps are compared; if one changed, all
/// are read again. Established connections keep what they have.
package final class TLSContextSource: Sendable {
    private struct State: ~Copyable {
        var context: TLSContext
        var stamps: [TLSFileStamp]
        var checked: NIODeadline
    }

    private let role: TLSRole
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: ``RPCTLSError/Code/configuration`` when a file is missing or wrong.
    package convenience init(client: RPCTLSConfiguration.Client, logger: Logger) throws(RPCTLSError) {
        try self.init(.client(client), logger: logger)
    }

    /// - Throws: ``RPCTLSError/Code/configuration`` when a file is missing or wrong.
    package convenience init(server: RPCTLSConfiguration.Server, logger: Logger) throws(RPCTLSError) {
        try self.init(.server(server), logger: logger)
    }

    private init(_ role: TLSRole, logger: Logger) throws(RPCTLSError) {
        self.role = role
        self.logger = logger
        // Stamps first: what changes while the files are read is then seen as a change the next time.
        let stamps = role.paths.map(TLSFileStamp.init(path:))
        state = Mutex(State(context: try TLSContext(role), stamps: stamps, checked: .now()))
    }

    /// The handler of one new connection, to be the first of its pipeline.
    /// - Parameter host: for a client, the host of the address it dialed; the server's certificate must be for it.
    /// - Throws: ``RPCTLSError/Code/configuration`` when the host is neither a name nor an address.
    package func makeHandler(host: String? = nil) throws(RPCTLSError) -> TLSHandler {
        TLSHandler(engine: try makeEngine(host: host), handshakeTimeout: role.handshakeTimeout)
    }

    /// The same without a pipeline around it.
    /// - Parameter now: decides whether the files are due for a look.
    package func makeEngine(host: String? = nil, now: NIODeadline = .now()) throws(RPCTLSError) -> TLSEngine {
        try state.withLock { state throws(RPCTLSError) in
            if now - state.checked >= TimeAmount(RPCTLSConfiguration.reloadInterval) {
                state.checked = now
                do throws(RPCTLSError) {
                    if try Self.refresh(&state, role) { logger.info("TLS files changed and were read again") }
                } catch {
                    logger.error(
                        "TLS files changed but cannot be used; the ones before stay in use",
                        metadata: ["error": "\(error)"]
                    )
                }
            }
            return try state.context.makeEngine(host: host)
        }
    }

    /// Reads the files again, now. When one is wrong, what was read before stays in use.
    package func reload() throws(RPCTLSError) {
        try state.withLock { state throws(RPCTLSError) in
            state.stamps = []
            _ = try Self.refresh(&state, role)
        }
    }

    /// Whether there was something new. The stamps are kept even when the new files are wrong, so that this is reported once
    /// for each change and not once a second.
    private static func refresh(_ state: inout State, _ role: TLSRole) throws(RPCTLSError) -> Bool {
        let stamps = role.paths.map(TLSFileStamp.init(path:))
        guard stamps != state.stamps else { return false }
        state.stamps = stamps
        state.context = try TLSContext(role)
        return true
    }
}
