package import Logging
package import NIOCore
internal import Synchronization

/// Makes the TLS handler of each connection of a client or server, from files that may be replaced at any time.
///
/// A new connection compares the files' stamps, if the last check is a second or more ago. If one changed, all files are read
/// again. Established connections keep their certificates.
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
        // Stamps first: the next check then sees a file that changes while it is read.
        let stamps = role.paths.map(TLSFileStamp.init(path:))
        state = Mutex(State(context: try TLSContext(role), stamps: stamps, checked: .now()))
    }

    /// Makes the handler of a connection: the first one of its pipeline.
    ///
    /// - Parameter host: for a client, the host of the address it dialed; the server's certificate must be for it.
    /// - Throws: ``RPCTLSError/Code/configuration`` when the host is neither a name nor an address.
    package func makeHandler(host: String? = nil) throws(RPCTLSError) -> TLSHandler {
        TLSHandler(engine: try makeEngine(host: host), handshakeTimeout: role.handshakeTimeout)
    }

    /// The same without a pipeline.
    ///
    /// - Parameter now: decides whether the files are due for a check.
    package func makeEngine(host: String? = nil, now: NIODeadline = .now()) throws(RPCTLSError) -> TLSEngine {
        try state.withLock { state throws(RPCTLSError) in
            if now - state.checked >= TimeAmount(RPCTLSConfiguration.reloadInterval) {
                state.checked = now
                do throws(RPCTLSError) {
                    if try Self.refresh(&state, role) { logger.info("reloaded changed TLS files") }
                } catch {
                    logger.error(
                        "cannot use changed TLS files; the previous ones stay in use",
                        metadata: ["error": "\(error)"]
                    )
                }
            }
            return try state.context.makeEngine(host: host)
        }
    }

    /// Reads the files again. If one cannot be used, the previous ones stay in use.
    package func reload() throws(RPCTLSError) {
        try state.withLock { state throws(RPCTLSError) in
            state.stamps = []
            _ = try Self.refresh(&state, role)
        }
    }

    /// Reads the files again if a stamp changed. Keeps the new stamps even if a file cannot be used, so that the log reports
    /// each change once and not every second.
    ///
    /// - Returns: whether a stamp changed.
    private static func refresh(_ state: inout State, _ role: TLSRole) throws(RPCTLSError) -> Bool {
        let stamps = role.paths.map(TLSFileStamp.init(path:))
        guard stamps != state.stamps else { return false }
        state.stamps = stamps
        state.context = try TLSContext(role)
        return true
    }
}
