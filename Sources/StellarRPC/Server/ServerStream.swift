import NIOCore

/// One call on its connection's event loop.
final class ServerStream {
    var machine: ServerStreamMachine
    /// nil until the request's headers are found good.
    var call: RPCServerCall?
    var handler: RPCMethodHandler?
    var task: Task<Void, Never>?
    var deadlineTimer: Scheduled<Void>?
    /// The request of a handler that takes one.
    var request: ByteBuffer?
    /// When bytes of the request came last.
    var lastProgress: NIODeadline
    /// What of `bufferedBytes` its connection has counted.
    var countedBytes = 0
    /// END_STREAM is on the wire.
    var hasFinishedSending = false

    init(maxMessageSize: Int, now: NIODeadline) {
        machine = ServerStreamMachine(maxMessageSize: maxMessageSize)
        lastProgress = now
    }

    /// Bytes of requests that no handler has taken yet.
    var bufferedBytes: Int {
        machine.bufferedBytes + (request?.readableBytes ?? 0) + (call?.inbox?.queuedBytes ?? 0)
    }

    /// Whether the handler waits for the whole request, so that the client has to hurry.
    var collectsRequest: Bool {
        switch handler?.body {
        case .unary, .serverStreaming: true
        case .streaming, nil: false
        }
    }
}
