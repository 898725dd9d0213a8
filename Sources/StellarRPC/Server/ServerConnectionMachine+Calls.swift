package import NIOCore

/// The state of one call in the machine of its connection.
struct ServerCallState {
    var machine: ServerStreamMachine
    var kind = Kind.unknown
    /// Whether the handler was started.
    var isStarted = false
    /// The complete request of a handler that takes one, until the handler starts.
    var request: ByteBuffer?
    /// The time of the request's last progress, and the bytes that came since.
    private(set) var lastProgress: NIODeadline
    private var bytesSinceProgress = 0
    // The share of this call in the connection's totals.
    var countedBytes = 0
    var countedWaiting = false

    enum Kind {
        /// The request's headers are not accepted.
        case unknown
        /// The handler starts when the request is complete.
        case collected
        /// The handler starts at once and reads the requests.
        case streaming
    }

    init(maxMessageSize: Int, now: NIODeadline) {
        machine = ServerStreamMachine(maxMessageSize: maxMessageSize)
        lastProgress = now
    }

    /// The bytes that count as progress. Without this minimum a client that trickles bytes could hold a stream for days.
    private static let progressBytes = 4 << 10

    mutating func progress(bytes: Int, now: NIODeadline) {
        bytesSinceProgress += bytes
        guard bytesSinceProgress >= Self.progressBytes else { return }
        bytesSinceProgress = 0
        lastProgress = now
    }

    var bufferedBytes: Int { machine.bufferedBytes + (request?.readableBytes ?? 0) }

    /// Whether the handler waits for the rest of its request. `requestTimeout` limits the wait.
    var isWaiting: Bool { kind == .collected && !isStarted && !machine.isEnded }

    var isReadByHandler: Bool { kind == .streaming }
}

/// The events of handlers, and the life of a call.
extension ServerConnectionMachine {
    package mutating func sendHeaders(_ id: Int32, _ metadata: RPCMetadata) {
        change(id) { $0.sendHeaders(metadata) }
    }

    package mutating func send(_ id: Int32, _ message: ByteBuffer) {
        change(id) { $0.send(message) }
    }

    /// A handler has read requests worth this many bytes of credit.
    package mutating func read(_ id: Int32, _ count: Int) {
        // Negative credit would shrink the stream's window for good.
        assert(count > 0, "credit is a number of bytes read")
        guard calls[id] != nil else { return }
        effects.append(.credit(id, count))
    }

    /// A handler is done: its response, if it returned one, and its status.
    package mutating func handlerDone(_ id: Int32, _ response: ByteBuffer?, _ error: RPCError?, trailers: RPCMetadata) {
        // Below zero the limit of running handlers would rise with each call.
        assert(runningHandlers > 0, "a handler ends once, after its start")
        runningHandlers -= 1
        if let response { change(id) { $0.send(response) } }
        change(id) { $0.finish(error, trailers: trailers) }
    }

    package mutating func deadlinePassed(_ id: Int32) {
        change(id) { $0.fail(RPCError(.deadlineExceeded, "the deadline passed")) }
    }

    /// Feeds a call's machine, if there is such a call.
    mutating func change(_ id: Int32, _ body: (inout ServerStreamMachine) -> [ServerStreamMachine.Effect]) {
        guard let index = calls.index(forKey: id) else { return }
        apply(body(&calls.values[index].machine), id, index)
        recount(index)
    }

    mutating func apply(
        _ steps: [ServerStreamMachine.Effect],
        _ id: Int32,
        _ index: Dictionary<Int32, ServerCallState>.Index
    ) {
        // Steps use the index of a call, which only stays valid while no call opens or closes.
        assert(calls[index].key == id, "the table of calls has not changed")
        for step in steps {
            switch step {
            case .accept(let head): accept(head, id, index)
            case .message(let message): take(message, id, index)
            case .requestEnd: requestEnded(id, index)
            case .sendHeaders(let fields): effects.append(.respond(id, fields))
            case .sendMessage(let message): effects.append(.send(id, message))
            case .sendTrailersOnly(let fields):
                calls.values[index].request = nil
                effects.append(.trailersOnly(id, fields))
            case .sendTrailers(let fields):
                calls.values[index].request = nil
                effects.append(.finish(id, fields))
            case .cancel(let error): effects.append(.cancel(id, error))
            }
        }
    }

    private mutating func accept(_ head: RequestHead, _ id: Int32, _ index: Dictionary<Int32, ServerCallState>.Index) {
        do throws(RPCError) {
            let method = try methods.find(head.path)
            // No handler starts for it: one that answers before a timer fires would win.
            if let timeout = head.timeout, timeout <= .zero {
                throw RPCError(.deadlineExceeded, "the deadline passed")
            }
            effects.append(.accept(id, head, method: method))
            if methods[method].handler.collectsRequest {
                calls.values[index].kind = .collected
            } else {
                calls.values[index].kind = .streaming
                start(id, nil, index)
            }
        } catch {
            apply(calls.values[index].machine.fail(error), id, index)
        }
    }

    private mutating func take(_ message: ByteBuffer, _ id: Int32, _ index: Dictionary<Int32, ServerCallState>.Index) {
        // Messages for a streaming handler went out with `deliver`.
        guard calls.values[index].isWaiting else { return }
        guard calls.values[index].request == nil else {
            let error = RPCError(.internalError, "the method takes one request; the client sent a second one")
            return apply(calls.values[index].machine.fail(error), id, index)
        }
        calls.values[index].request = message
    }

    private mutating func requestEnded(_ id: Int32, _ index: Dictionary<Int32, ServerCallState>.Index) {
        guard !calls.values[index].machine.isEnded else { return }
        guard calls.values[index].isWaiting else { return effects.append(.endRequests(id)) }
        guard let request = calls.values[index].request else {
            let error = RPCError(.internalError, "the method takes one request; the client sent none")
            return apply(calls.values[index].machine.fail(error), id, index)
        }
        calls.values[index].request = nil
        start(id, request, index)
    }

    private mutating func start(
        _ id: Int32,
        _ request: ByteBuffer?,
        _ index: Dictionary<Int32, ServerCallState>.Index
    ) {
        calls.values[index].isStarted = true
        runningHandlers += 1
        effects.append(.start(id, request))
    }

    /// - Returns: whether there was such a call.
    @discardableResult
    mutating func remove(_ id: Int32, _ error: RPCError) -> Bool {
        guard var call = calls.removeValue(forKey: id) else { return false }
        bufferedBytes -= call.countedBytes
        if call.countedWaiting { waitingCalls -= 1 }
        if !call.machine.receive(end: error).isEmpty { effects.append(.cancel(id, error)) }
        effects.append(.forget(id))
        checkTotals()
        return true
    }

    mutating func recount(_ index: Dictionary<Int32, ServerCallState>.Index) {
        let bytes = calls.values[index].bufferedBytes
        bufferedBytes += bytes - calls.values[index].countedBytes
        calls.values[index].countedBytes = bytes
        let isWaiting = calls.values[index].isWaiting
        if isWaiting != calls.values[index].countedWaiting {
            waitingCalls += isWaiting ? 1 : -1
            calls.values[index].countedWaiting = isWaiting
        }
        checkTotals()
    }

    /// Checks in debug builds that the totals are the sums over all calls.
    private func checkTotals() {
        // A total too high would fail honest calls, one too low would lift the memory limit.
        assert(bufferedBytes == calls.values.reduce(0) { $0 + $1.countedBytes }, "bytes are counted once per call")
        // With a count too low, slow requests would never time out.
        assert(waitingCalls == calls.values.count { $0.countedWaiting }, "waiting calls are counted once")
    }
}
