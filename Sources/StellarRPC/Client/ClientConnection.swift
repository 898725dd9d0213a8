import Glibc
import Logging
import NIOCore
import NIOPosix

/// The driver of one connection of a client, on its event loop: feeds its events to the client's machine.
final class ClientConnection: HTTP2Connection {
    let id: ClientMachine.ConnectionID
    private let core: ClientCore
    private var handler: HTTP2ChannelHandler?
    private var timer: Scheduled<Void>?
    private var isLost = false
    private var hasEnded = false
    /// The time at which the current batch of input came.
    private var now = NIODeadline.now()

    init(id: ClientMachine.ConnectionID, core: ClientCore) {
        self.id = id
        self.core = core
    }

    func makeSession() throws(HTTP2Error) -> HTTP2Session {
        var settings = HTTP2Session.Settings()
        settings.streamWindow = core.configuration.streamWindow
        // The connection's credit returns as bytes come, so this window only has to cover the bytes in flight.
        settings.connectionWindow = core.configuration.streamWindow * 4
        return try HTTP2Session(role: .client, settings: settings)
    }

    // MARK: Effects of the machine

    /// nil before the channel exists and after it has closed.
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

    /// Gives up an attempt to connect. A channel that is still made is closed.
    func abandon(_ error: (any Error)?) {
        closing(error)
        ended()
    }

    // MARK: HTTP2Connection

    func attached(_ handler: HTTP2ChannelHandler) {
        guard !hasEnded else { return handler.close() }
        self.handler = handler
    }

    func activated() {}

    func peerAuthenticated(_ certificate: RPCPeerCertificate?) {}

    func bytesReceived() {
        now = .now()
        core.feed { $0.bytesReceived(id, now: now) }
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
            core.logger.debug(
                "connection closed",
                metadata: ["address": "\(core.address)", "error": "\(cause.message)"]
            )
        }
        core.feed { $0.lost(id, cause, now: .now()) }
    }

    func ended() {
        guard !hasEnded else { return }
        hasEnded = true
        handler = nil
        core.ended(self)
    }

    /// The reason in words. NIO's connection error has one error per address; the first one is enough.
    private static func text(_ error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            if let first = error.connectionErrors.first { return text(first.error) }
            return "the name cannot be resolved"
        }
        // NIO's text names its internal call; the system's text ("Connection refused") is well known.
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }
}
