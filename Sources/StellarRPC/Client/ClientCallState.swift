import NIOCore

/// One call of a client, as its machine sees it.
struct ClientCallState {
    /// Where a call runs.
    struct Place {
        var connection: ClientMachine.ConnectionID
        var stream: Int32
    }

    var machine: ClientStreamMachine
    let expectsSingleResponse: Bool
    let waitsForReady: Bool
    /// nil while it waits for a connection.
    var place: Place?
    var attempts = 0
    var isSendingFinished = false
    /// END_STREAM is on the wire.
    var hasFinishedSending = false

    /// What was sent so far, for the connection to come or, while `isReplayable`, for another one.
    private(set) var retained: [ByteBuffer] = []
    private(set) var retainedBytes = 0
    private(set) var isReplayable = true

    init(maxMessageSize: Int, expectsSingleResponse: Bool, waitsForReady: Bool) {
        machine = ClientStreamMachine(maxMessageSize: maxMessageSize, expectsSingleResponse: expectsSingleResponse)
        self.expectsSingleResponse = expectsSingleResponse
        self.waitsForReady = waitsForReady
    }

    /// Keeps a message, once the call has a place only as far as all are little.
    mutating func retain(_ message: ByteBuffer, limit: Int) {
        guard isReplayable else { return }
        retained.append(message)
        retainedBytes += message.readableBytes + MessageFramer.prefixLength
        if place != nil { settle(limit: limit) }
    }

    /// Gives up a replay that would take more bytes.
    mutating func settle(limit: Int) {
        if retainedBytes > limit { commit() }
    }

    /// From now on the call belongs to its connection for better or worse.
    mutating func commit() {
        isReplayable = false
        retained = []
        retainedBytes = 0
    }

    /// Makes it ready for another connection.
    mutating func rewind(maxMessageSize: Int) {
        place = nil
        hasFinishedSending = false
        machine = ClientStreamMachine(maxMessageSize: maxMessageSize, expectsSingleResponse: expectsSingleResponse)
    }
}
