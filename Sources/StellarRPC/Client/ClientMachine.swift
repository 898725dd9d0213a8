import DequeModule
package import NIOCore

/// The rules of a client: which calls wait, where each runs, which are retried, when to connect, to leave a connection and to
/// close. Pure.
///
/// Events go in with the time; after each, the driver takes the effects until there are no more.
package struct ClientMachine {
    package typealias CallID = UInt64
    package typealias ConnectionID = Int

    /// What the driver does, in order.
    package enum Effect: Hashable {
        // Connections.
        case connect(ConnectionID)
        case closeAfterWriting(ConnectionID)
        case close(ConnectionID, RPCError)
        /// Call `tick` for the connection at this time; it replaces an earlier `wakeConnection`.
        case wakeConnection(ConnectionID, at: NIODeadline)
        /// Call `woke` after that time.
        case wake(after: Duration)
        /// The client and all its connections are closed.
        case closed

        // Frames for the session of a connection.
        /// Open a stream; the session must assign this number.
        case open(CallID, on: ConnectionID, stream: Int32)
        case send(ConnectionID, Int32, ByteBuffer)
        case finish(ConnectionID, Int32)
        case reset(ConnectionID, Int32, HTTP2ErrorCode)
        case credit(ConnectionID, Int32, Int)
        case creditConnection(ConnectionID, Int)
        case ping(ConnectionID)
        case goAway(ConnectionID)

        // Results for the caller.
        case initialMetadata(CallID, RPCMetadata)
        /// Messages, and the stream's credit that they return.
        case deliver(CallID, [ByteBuffer], ConnectionID, Int32, credit: Int)
        /// The call is sent again from its start; this many bytes of it wait.
        case rewind(CallID, buffered: Int)
        case end(CallID, RPCError?, trailers: RPCMetadata)
    }

    /// The address of the peer, for messages.
    let peer: String
    let configuration: RPCClientConfiguration
    var effects = EffectQueue<Effect>()
    var calls: [CallID: ClientCallState] = [:]
    var queue = Deque<CallID>()
    var connections: [ConnectionID: ClientConnectionState] = [:]
    /// The connection that takes new calls.
    var current: ConnectionID?
    /// Lost connections whose channels are not closed yet.
    var leaving: Set<ConnectionID> = []
    var connectivity: ConnectivityMachine
    private var lastConnection = 0

    package init(peer: String, configuration: RPCClientConfiguration, generator: any RandomNumberGenerator) {
        self.peer = peer
        self.configuration = configuration
        connectivity = ConnectivityMachine(backoff: configuration.backoff, generator: generator)
    }

    package mutating func nextEffect() -> Effect? { effects.next() }

    // MARK: Commands of callers

    /// Starts a call.
    ///
    /// - Parameter request: the one request of a unary call; nil where requests follow.
    package mutating func start(
        _ id: CallID,
        request: ByteBuffer?,
        expectsSingleResponse: Bool,
        waitsForReady: Bool,
        now: NIODeadline
    ) {
        var call = ClientCallState(
            maxMessageSize: configuration.maxMessageSize,
            expectsSingleResponse: expectsSingleResponse,
            waitsForReady: waitsForReady
        )
        if let request {
            call.retain(request, limit: configuration.replayBufferLimit)
            call.isSendingFinished = true
        }
        // The replaced call would never end.
        assert(calls[id] == nil, "the number of a call is unique")
        calls[id] = call
        queue.append(id)
        follow(connectivity.callQueued(), newest: id, now: now)
    }

    package mutating func send(_ id: CallID, _ message: ByteBuffer) {
        guard let index = calls.index(forKey: id) else { return }
        calls.values[index].retain(message, limit: configuration.replayBufferLimit)
        guard let place = calls.values[index].place else { return }
        effects.append(.send(place.connection, place.stream, message))
    }

    package mutating func finishSending(_ id: CallID) {
        guard let index = calls.index(forKey: id), !calls.values[index].isSendingFinished else { return }
        calls.values[index].isSendingFinished = true
        guard let place = calls.values[index].place else { return }
        effects.append(.finish(place.connection, place.stream))
    }

    /// The caller has read responses worth this many bytes of credit.
    package mutating func read(_ id: CallID, _ count: Int) {
        // Negative credit would shrink the stream's window for good.
        assert(count > 0, "credit is a number of bytes read")
        guard let place = calls[id]?.place else { return }
        effects.append(.credit(place.connection, place.stream, count))
    }

    package mutating func cancel(_ id: CallID) {
        fail(id, RPCError(.cancelled, "the call was cancelled"))
    }

    package mutating func deadlinePassed(_ id: CallID) {
        fail(id, RPCError(.deadlineExceeded, "the deadline passed"))
    }

    /// Refuses new calls, and closes the client after the open ones.
    package mutating func close(now: NIODeadline) {
        follow(connectivity.close(), now: now)
        if let current { retire(current, now: now) }
        finishClosing()
    }

    // MARK: Calls

    /// Ends a call from this side, queued or open.
    private mutating func fail(_ id: CallID, _ error: RPCError) {
        guard let index = calls.index(forKey: id) else { return }
        if calls.values[index].place == nil { queue.removeAll { $0 == id } }
        apply(calls.values[index].machine.fail(error), id)
    }

    mutating func apply(_ steps: [ClientStreamMachine.Effect], _ id: CallID) {
        for step in steps {
            switch step {
            case .initialMetadata(let metadata):
                if let index = calls.index(forKey: id) { calls.values[index].commit() }
                effects.append(.initialMetadata(id, metadata))
            case .message: break  // `deliver` carries it, with its credit.
            case .end(let error, let trailers, let reset): end(id, error, trailers, reset)
            }
        }
    }

    private mutating func end(_ id: CallID, _ error: RPCError?, _ trailers: RPCMetadata, _ reset: HTTP2ErrorCode?) {
        guard let call = calls.removeValue(forKey: id) else { return }
        if let place = call.place, connections[place.connection]?.streams.removeValue(forKey: place.stream) != nil {
            // The server responded before the request's END_STREAM: stop the request (RFC 9113 section 8.1).
            let code = reset ?? (call.hasFinishedSending ? nil : .noError)
            if let code { effects.append(.reset(place.connection, place.stream, code)) }
        }
        effects.append(.end(id, error, trailers: trailers))
        if let place = call.place { closeIfDrained(place.connection) }
    }

    /// The peer has not processed the call: retry it if it is replayable.
    mutating func refused(_ id: CallID, _ error: RPCError, now: NIODeadline) {
        guard let index = calls.index(forKey: id) else { return }
        let call = calls.values[index]
        guard call.isReplayable, !call.machine.hasResponse, call.attempts < configuration.maxAttempts,
            connectivity.state != .closed
        else { return apply(calls.values[index].machine.fail(error, reset: nil), id) }
        calls.values[index].rewind(maxMessageSize: configuration.maxMessageSize)
        effects.append(.rewind(id, buffered: call.retainedBytes))
        queue.append(id)
        follow(connectivity.callQueued(), now: now)
    }

    // MARK: The queue

    /// - Parameter newest: the call that was queued last.
    mutating func follow(_ steps: [ConnectivityMachine.Effect], newest: CallID? = nil, now: NIODeadline) {
        for step in steps {
            switch step {
            case .connect:
                lastConnection += 1
                current = lastConnection
                connections[lastConnection] = ClientConnectionState()
                effects.append(.connect(lastConnection))
                let limit = now + TimeAmount(configuration.connectTimeout)
                effects.append(.wakeConnection(lastConnection, at: limit))
            case .startQueued: startQueued(now: now)
            case .failNewest(let error): failQueued(error) { id, call in id == newest && !call.waitsForReady }
            case .failQueued(let error): failQueued(error) { _, call in !call.waitsForReady }
            case .failAll(let error): failQueued(error) { _, _ in true }
            case .wake(let delay): effects.append(.wake(after: delay))
            }
        }
    }

    private mutating func failQueued(_ error: RPCError, where fails: (CallID, ClientCallState) -> Bool) {
        let failed = queue.filter { id in calls[id].map { fails(id, $0) } ?? true }
        guard !failed.isEmpty else { return }
        let ended = Set(failed)
        queue.removeAll { ended.contains($0) }
        for id in failed { end(id, error, [:], nil) }
    }

    /// Opens queued calls, up to the peer's limit of streams.
    mutating func startQueued(now: NIODeadline) {
        while let current, connections[current]?.hasRoom == true, let id = queue.popFirst() {
            open(id, on: current)
        }
        if let current, connections[current]?.isUsedUp == true { retire(current, now: now) }
    }

    private mutating func open(_ id: CallID, on connection: ConnectionID) {
        // An ended call in the queue would take the place of a waiting one.
        assert(calls[id] != nil && calls[id]?.place == nil, "a queued call waits for a stream")
        guard let index = calls.index(forKey: id), let home = connections.index(forKey: connection) else { return }
        let stream = Int32(connections.values[home].nextStream)
        connections.values[home].nextStream += 2
        connections.values[home].openStreams += 1
        connections.values[home].streams[stream] = id
        calls.values[index].attempts += 1
        calls.values[index].place = .init(connection: connection, stream: stream)
        effects.append(.open(id, on: connection, stream: stream))
        for message in calls.values[index].retained { effects.append(.send(connection, stream, message)) }
        if calls.values[index].isSendingFinished { effects.append(.finish(connection, stream)) }
        calls.values[index].boundReplay(limit: configuration.replayBufferLimit)
    }
}
