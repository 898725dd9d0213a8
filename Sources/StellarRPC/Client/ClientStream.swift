import NIOCore

/// One call on its client's event loop: what it has sent, where it runs, and its state.
final class ClientStream {
    let call: RPCClientCall
    var machine: ClientStreamMachine
    /// Where it runs; nil while it waits for a connection.
    var connection: ClientConnection?
    var id: Int32 = 0
    var attempts = 0
    var deadlineTimer: Scheduled<Void>?

    /// What was sent so far, for the connection to come or, while `isReplayable`, for another one.
    private(set) var retained: [ByteBuffer] = []
    private var retainedBytes = 0
    private(set) var isReplayable = true
    private(set) var isSendingFinished = false
    /// END_STREAM is on the wire.
    var hasFinishedSending = false

    init(call: RPCClientCall) {
        self.call = call
        machine = call.makeMachine()
    }

    func retain(_ message: ByteBuffer, limit: Int) {
        guard isReplayable else { return }
        retained.append(message)
        retainedBytes += message.readableBytes + MessageFramer.prefixLength
        if connection != nil { retain(limit: limit) }
    }

    /// Keeps what was sent only as far as it is little.
    func retain(limit: Int) {
        if retainedBytes > limit { commit() }
    }

    func finishSending() {
        isSendingFinished = true
    }

    /// From now on the call belongs to its connection for better or worse.
    func commit() {
        isReplayable = false
        retained = []
        retainedBytes = 0
    }

    /// Makes it ready for another connection.
    func rewind() {
        connection = nil
        id = 0
        hasFinishedSending = false
        machine = call.makeMachine()
        call.gate.restart(buffered: retainedBytes)
    }
}
