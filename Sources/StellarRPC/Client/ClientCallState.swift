import NIOCore

/// The state of one call in the client's machine.
struct ClientCallState {
    /// The connection and stream of a call.
    struct Place {
        var connection: ClientMachine.ConnectionID
        var stream: Int32
    }

    var machine: ClientStreamMachine
    let expectsSingleResponse: Bool
    let waitsForReady: Bool
    /// nil while the call waits for a connection.
    var place: Place?
    var attempts = 0
    var isSendingFinished = false
    /// END_STREAM is on the wire.
    var hasFinishedSending = false

    /// The messages sent so far: for the first connection or, while `isReplayable`, for the next one.
    private(set) var retained: [ByteBuffer] = []
    private(set) var retainedBytes = 0
    private(set) var isReplayable = true

    init(maxMessageSize: Int, expectsSingleResponse: Bool, waitsForReady: Bool) {
        machine = ClientStreamMachine(maxMessageSize: maxMessageSize, expectsSingleResponse: expectsSingleResponse)
        self.expectsSingleResponse = expectsSingleResponse
        self.waitsForReady = waitsForReady
    }

    /// Keeps a message for a replay. With a place, `limit` bounds what is kept.
    mutating func retain(_ message: ByteBuffer, limit: Int) {
        guard isReplayable else { return }
        retained.append(message)
        retainedBytes += message.readableBytes + MessageFramer.prefixLength
        if place != nil { boundReplay(limit: limit) }
    }

    /// Commits the call if a replay would take more than `limit` bytes.
    mutating func boundReplay(limit: Int) {
        if retainedBytes > limit { commit() }
    }

    /// Binds the call to its connection: it cannot be replayed.
    mutating func commit() {
        isReplayable = false
        retained = []
        retainedBytes = 0
    }

    /// Resets the call for another stream or connection.
    mutating func rewind(maxMessageSize: Int) {
        // The count becomes that of the send buffer. Too high, it would suspend the sender for good.
        assert(retainedBytes == retained.reduce(0) { $0 + $1.readableBytes + MessageFramer.prefixLength })
        place = nil
        hasFinishedSending = false
        machine = ClientStreamMachine(maxMessageSize: maxMessageSize, expectsSingleResponse: expectsSingleResponse)
    }
}
