import Glibc
import Logging
import NIOCore
import NIOPosix

/// One connection of a client, on its event loop: tells the client's machine what comes.
final class ClientConnection: HTTP2Connection {
    let id: ClientMachine.ConnectionID
    private let core: ClientCore
    private var handler: HTTP2ChannelHandler?
    private var timer: Scheduled<Void>?
    private var isLost = false
    private var isGone = false
    /// When the current batch of input came.
    private var now = NIODeadline.now()

    init(id: ClientMachine.ConnectionID, core: ClientCore) {
        self.id = id
        self.core = core
    }

    func makeSession() throws(HTTP2Error) -> HTTP2Session {
        var settings = HTTP2Session.Settings()
        settings.streamWindow = core.configuration.streamWindow
        // Credit of the connection returns as bytes come, so it need only cover what is under way.
        settings.connectionWindow = core.configuration.streamWindow * 4
        return try HTTP2Session(role: .client, settings: settings)
    }

    // MARK: What the machine says

    /// nil before the connection is begun and when it is gone.
    var session: HTTP2Session? { handler?.session }

    func flush() {
        handler?.flush()
    }

    func wake(at time: NIODeadline) {
        timer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: core.eventLoop)
        timer = core.eventLoop.scheduleTask(deadline: time) {
            let connection = bound.value
            connection.core.feed { $0.tick(connection.id, now: .now()) }
        }
    }

    func closeAfterWriting() {
        guard let handler else { return abandon(nil) }
        handler.closeAfterWriting()
    }

    func close(_ error: RPCError) {
        guard let handler else { return abandon(error) }
        handler.close(error)
    }

    /// Gives up a connection that is not begun; if it comes yet, it is closed.
    func abandon(_ error: (any Error)?) {
        closing(error)
        ended()
    }

    // MARK: HTTP2Connection

    func attached(_ handler: HTTP2ChannelHandler) {
        guard !isGone else { return handler.close() }
        self.handler = handler
    }

    func activated() {}

    func peerAuthenticated(_ certificate: RPCPeerCertificate?) {}

    func heard() {
        now = .now()
        core.feed { $0.heard(id, now: now) }
    }

    func handle(_ event: HTTP2Event) {
        core.feed { $0.receive(event, from: id, now: now) }
    }

    func wrote() {}

    func batchEnded(isWritable: Bool) {}

    func closing(_ error: (any Error)?) {
        guard !isLost else { return }
        isLost = true
        timer?.cancel()
        let cause = error.map { RPCError(.unavailable, Self.text($0), tls: $0 as? RPCTLSError) }
        if let cause {
            core.logger.debug("connection ends", metadata: ["address": "\(core.address)", "error": "\(cause.message)"])
        }
        core.feed { $0.lost(id, cause, now: .now()) }
    }

    func ended() {
        guard !isGone else { return }
        isGone = true
        handler = nil
        core.gone(self)
    }

    /// NIO's connection errors carry one error per address tried; the first says it.
    private static func text(_ error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            if let first = error.connectionErrors.first { return text(first.error) }
            return "the name cannot be resolved"
        }
        // NIO's own text names its internal call; people know the system's ("Connection refused").
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }
}
