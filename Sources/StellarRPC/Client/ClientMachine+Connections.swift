package import NIOCore

/// The events of connections, and their life.
extension ClientMachine {
    /// Bytes came.
    package mutating func bytesReceived(_ id: ConnectionID, now: NIODeadline) {
        guard let index = connections.index(forKey: id) else { return }
        connections.values[index].keepalive?.bytesReceived(now: now)
    }

    package mutating func receive(_ event: HTTP2Event, from id: ConnectionID, now: NIODeadline) {
        guard let index = connections.index(forKey: id) else { return }
        defer { assert(hasConsistentTables, "each stream has its call, and each call its stream") }
        switch event {
        case .headers(let stream, let fields, let endStream):
            guard let call = connections.values[index].streams[stream] else { return }
            if !connections.values[index].hasServed {
                connections.values[index].hasServed = true
                connectivity.served()
            }
            change(call) { $0.receive(headers: fields, endStream: endStream) }
        case .headersTooLarge(let stream):
            guard let call = connections.values[index].streams[stream] else { return }
            change(call) { $0.fail(RPCError(.internalError, "the server's headers are too large")) }
        case .data(let stream, let bytes):
            effects.append(.creditConnection(id, bytes.readableBytes))
            guard let call = connections.values[index].streams[stream] else { return }
            receive(bytes, call, id, stream)
        case .endStream(let stream):
            guard let call = connections.values[index].streams[stream] else { return }
            change(call) { $0.receiveEnd() }
        case .finishedSending(let stream):
            guard let call = connections.values[index].streams[stream], let place = calls.index(forKey: call) else {
                return
            }
            calls.values[place].hasFinishedSending = true
        case .reset(let stream, .refusedStream):
            refused(stream, on: id, RPCError(.unavailable, "the server refused the stream"), now: now)
        case .notSent(let stream):
            refused(stream, on: id, RPCError(.unavailable, "the server refuses new calls on the connection"), now: now)
        case .reset(let stream, let code):
            guard let call = connections.values[index].streams[stream] else { return }
            change(call) { $0.receive(reset: code) }
        case .closed(let stream, let code):
            // Below zero the client would exceed the peer's limit of streams.
            assert(connections.values[index].openStreams > 0, "a stream closes once, after it opened")
            connections.values[index].openStreams = max(0, connections.values[index].openStreams - 1)
            if let call = connections.values[index].streams[stream] { change(call) { $0.receive(reset: code) } }
            startQueued(now: now)
            closeIfDrained(id)
        case .settings(let maxConcurrentStreams):
            connections.values[index].maxConcurrentStreams = maxConcurrentStreams
            becomeReady(id, now: now)
            startQueued(now: now)
        case .goAway(let last, let code, let debug):
            receiveGoAway(id, last, code, debug, now: now)
        case .ping, .pong, .idleFrame, .streamError:
            break
        }
    }

    /// Whether calls and connections refer to each other. Debug builds check it after each event.
    private var hasConsistentTables: Bool {
        connections.allSatisfy { id, connection in
            // A stream without its call would keep a drained connection open; one of another call would mix responses up.
            connection.streams.allSatisfy { stream, call in
                calls[call]?.place.map { $0.connection == id && $0.stream == stream } ?? false
            }
                // A stream that does not count would exceed the peer's limit.
                && connection.streams.count <= connection.openStreams
        }
            // The peer would refuse new calls on a draining connection.
            && current.map { connections[$0]?.isDraining == false } ?? true
    }

    private mutating func change(_ id: CallID, _ body: (inout ClientStreamMachine) -> [ClientStreamMachine.Effect]) {
        guard let index = calls.index(forKey: id) else { return }
        apply(body(&calls.values[index].machine), id)
    }

    private mutating func receive(_ bytes: ByteBuffer, _ call: CallID, _ id: ConnectionID, _ stream: Int32) {
        guard let index = calls.index(forKey: call) else { return }
        let steps = calls.values[index].machine.receive(data: bytes)
        let messages = steps.compactMap { if case .message(let message) = $0 { message } else { nil } }
        effects.append(.deliver(call, messages, id, stream, credit: bytes.readableBytes))
        apply(steps, call)
    }

    private mutating func refused(_ stream: Int32, on id: ConnectionID, _ error: RPCError, now: NIODeadline) {
        guard let call = connections[id]?.streams.removeValue(forKey: stream) else { return }
        refused(call, error, now: now)
        closeIfDrained(id)
    }

    private mutating func becomeReady(_ id: ConnectionID, now: NIODeadline) {
        guard let index = connections.index(forKey: id), !connections.values[index].isReady else { return }
        connections.values[index].readySince = now
        if let keepalive = configuration.keepalive {
            connections.values[index].keepalive = KeepaliveMachine(keepalive, now: now)
            tick(id, now: now)
        }
        if current == id { follow(connectivity.connected(), now: now) }
    }

    private mutating func receiveGoAway(
        _ id: ConnectionID,
        _ last: Int32,
        _ code: HTTP2ErrorCode,
        _ debug: String,
        now: NIODeadline
    ) {
        let reason = debug.isEmpty ? "\(code)" : "\(code), \(debug)"
        if code != .noError, connections[id]?.failure == nil {
            connections[id]?.failure = RPCError(.unavailable, "the server closed the connection: \(reason)")
        }
        guard connections[id]?.isReady == true else { return close(id, "\(peer) is going away: \(reason)") }
        retire(id, now: now)
        // The server has not processed these (RFC 9113 section 6.8).
        for stream in (connections[id]?.streams.keys.filter { $0 > last } ?? []).sorted() {
            refused(stream, on: id, RPCError(.unavailable, "the server is going away: \(reason)"), now: now)
        }
        closeIfDrained(id)
    }

    /// Stops new calls on a connection. It closes after its last call.
    mutating func retire(_ id: ConnectionID, now: NIODeadline) {
        guard let index = connections.index(forKey: id), !connections.values[index].isDraining else { return }
        connections.values[index].isDraining = true
        if current == id {
            current = nil
            left(connections.values[index], for: connections.values[index].failure, now: now)
        }
        closeIfDrained(id)
    }

    /// The current connection takes no more calls: decides on the next one.
    private mutating func left(_ connection: ClientConnectionState, for reason: RPCError?, now: NIODeadline) {
        let lived = connection.readySince.map { now - $0 } ?? .zero
        let wasUseful = connection.hasServed || lived >= TimeAmount(configuration.backoff.maximum)
        follow(
            connectivity.lost(
                hasQueued: !queue.isEmpty,
                wasUseful: wasUseful,
                reason ?? RPCError(.unavailable, "\(peer) closes each connection before a call succeeds")
            ),
            now: now
        )
    }

    mutating func closeIfDrained(_ id: ConnectionID) {
        guard let index = connections.index(forKey: id), connections.values[index].isDraining,
            connections.values[index].streams.isEmpty, !connections.values[index].isClosing
        else { return }
        connections.values[index].isClosing = true
        effects.append(.goAway(id))
        effects.append(.closeAfterWriting(id))
    }

    /// The time of `wakeConnection` has come.
    package mutating func tick(_ id: ConnectionID, now: NIODeadline) {
        guard let index = connections.index(forKey: id) else { return }
        guard connections.values[index].isReady else {
            return close(id, "\(peer) did not respond within \(configuration.connectTimeout)")
        }
        let hasCalls = !connections.values[index].streams.isEmpty
        for effect in connections.values[index].keepalive?.tick(hasCalls: hasCalls, now: now) ?? [] {
            switch effect {
            case .sendPing: effects.append(.ping(id))
            case .giveUp: close(id, "\(peer) did not respond to a ping")
            case .wake(let time): effects.append(.wakeConnection(id, at: time))
            }
        }
    }

    private mutating func close(_ id: ConnectionID, _ reason: String) {
        let error = RPCError(.unavailable, reason)
        connections[id]?.failure = error
        effects.append(.close(id, error))
    }

    /// The session could not open a stream (out of memory): the connection is useless.
    package mutating func cannotOpen(_ stream: Int32, on id: ConnectionID, _ reason: String, now: NIODeadline) {
        refused(stream, on: id, RPCError(.unavailable, reason), now: now)
        close(id, reason)
    }

    /// A connection is lost: no more events come from it.
    package mutating func lost(_ id: ConnectionID, _ cause: RPCError?, now: NIODeadline) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        leaving.insert(id)
        let error = connection.failure ?? reason(cause, wasReady: connection.isReady)
        for (_, call) in connection.streams.sorted(by: { $0.key < $1.key }) {
            // The peer may have processed them, so they are not retried.
            change(call) { $0.fail(error, reset: nil) }
        }
        if current == id {
            current = nil
            if connection.isReady {
                left(connection, for: error, now: now)
            } else {
                follow(connectivity.connectFailed(error), now: now)
            }
        }
        finishClosing()
    }

    private func reason(_ cause: RPCError?, wasReady: Bool) -> RPCError {
        guard var error = cause else {
            return RPCError(.unavailable, "the connection to \(peer) was lost")
        }
        error.message = "\(wasReady ? "lost the connection to" : "cannot connect to") \(peer): \(error.message)"
        return error
    }

    /// The channel of a lost connection has closed.
    package mutating func ended(_ id: ConnectionID) {
        leaving.remove(id)
        finishClosing()
    }

    /// The time of `wake` has passed.
    package mutating func woke(now: NIODeadline) {
        follow(connectivity.woke(hasQueued: !queue.isEmpty), now: now)
    }

    mutating func finishClosing() {
        guard connectivity.state == .closed, connections.isEmpty, leaving.isEmpty else { return }
        effects.append(.closed)
    }
}
