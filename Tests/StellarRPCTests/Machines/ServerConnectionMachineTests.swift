import NIOCore
import StellarRPC
import Testing

/// The effects of a server connection's machine, event by event.
@Suite struct ServerConnectionMachineTests {
    typealias Effect = ServerConnectionMachine.Effect

    static let start = NIODeadline.uptimeNanoseconds(0) + .hours(1)
    static let methods = MethodTable([
        RPCService(
            name: "s",
            methods: [
                .unary(bytes: "One") { request, _ in request },
                .streaming(bytes: "Many") { _ in },
            ]
        )
    ])
    static let calm = "the client stayed without calls after GOAWAY"

    static func headers(_ method: String, _ more: [HTTP2Header] = []) -> [HTTP2Header] {
        [
            HTTP2Header(":method", "POST"), HTTP2Header(":scheme", "http"), HTTP2Header(":path", "/s/\(method)"),
            HTTP2Header("content-type", "application/grpc"), HTTP2Header("te", "trailers"),
        ] + more
    }

    static func message(_ bytes: [UInt8], length: Int? = nil) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: [0])
        buffer.writeInteger(UInt32(length ?? bytes.count))
        buffer.writeBytes(bytes)
        return buffer
    }

    /// A machine whose client has sent SETTINGS.
    static func machine(_ change: (inout RPCServerConfiguration) -> Void = { _ in }) -> ServerConnectionMachine {
        var configuration = RPCServerConfiguration()
        configuration.keepalive = nil
        change(&configuration)
        var machine = ServerConnectionMachine(methods: methods, configuration: configuration, now: start)
        machine.activated(now: start)
        machine.receive(.settings(maxConcurrentStreams: 0), now: start)
        machine.tick(now: start)
        _ = machine.effects()
        return machine
    }

    // MARK: Calls

    @Test func oneRequestOneResponse() {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("One"), endStream: false), now: Self.start)
        #expect(machine.effects() == [.accept(1, RequestHead(path: "/s/One"), method: 0)])
        machine.receive(.data(stream: 1, Self.message([7])), now: Self.start)
        #expect(machine.effects() == [.creditConnection(6), .credit(1, 6)])
        #expect(machine.heldBytes == 1)
        machine.receive(.endStream(1), now: Self.start)
        #expect(machine.effects() == [.start(1, ByteBuffer(bytes: [7]))])
        #expect(machine.heldBytes == 0)
        machine.handlerDone(1, ByteBuffer(bytes: [8]), nil, trailers: [:])
        #expect(
            machine.effects() == [
                .respond(1, StreamMachineTests.response), .send(1, ByteBuffer(bytes: [8])),
                .finish(1, [HTTP2Header("grpc-status", "0")]),
            ]
        )
        machine.receive(.finishedSending(1), now: Self.start)
        machine.receive(.closed(1, .noError), now: Self.start)
        #expect(machine.effects() == [.forget(1)])
    }

    @Test func aHandlerThatReads() {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: false), now: Self.start)
        #expect(machine.effects() == [.accept(1, RequestHead(path: "/s/Many"), method: 1), .start(1, nil)])
        var two = Self.message([7])
        two.writeImmutableBuffer(Self.message([8]))
        machine.receive(.data(stream: 1, two), now: Self.start)
        let messages = [ByteBuffer(bytes: [7]), ByteBuffer(bytes: [8])]
        #expect(machine.effects() == [.creditConnection(12), .deliver(1, messages, credit: 12)])
        machine.read(1, 6)
        machine.receive(.endStream(1), now: Self.start)
        #expect(machine.effects() == [.credit(1, 6), .endRequests(1)])
        machine.receive(.reset(1, .cancel), now: Self.start)
        let cancelled = RPCError(.cancelled, "the client cancelled: CANCEL")
        #expect(machine.effects() == [.cancel(1, cancelled), .forget(1)])
        // The handler returns after its call has ended.
        machine.handlerDone(1, nil, nil, trailers: [:])
        machine.read(1, 6)
        #expect(machine.effects() == [])
    }

    @Test func aResponseBeforeTheRequestsEndResetsTheStream() {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("None"), endStream: false), now: Self.start)
        let fields =
            StreamMachineTests.response + [
                HTTP2Header("grpc-status", "12"), HTTP2Header("grpc-message", "the service s has no method None"),
            ]
        let error = RPCError(.unimplemented, "the service s has no method None")
        #expect(machine.effects() == [.trailersOnly(1, fields), .cancel(1, error)])
        machine.receive(.finishedSending(1), now: Self.start)
        #expect(machine.effects() == [.reset(1, .noError)])
    }

    @Test(arguments: [0, 2]) func aUnaryMethodNeedsExactlyOneRequest(count: Int) {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("One"), endStream: false), now: Self.start)
        for _ in 0..<count { machine.receive(.data(stream: 1, Self.message([7])), now: Self.start) }
        machine.receive(.endStream(1), now: Self.start)
        let effects = machine.effects()
        #expect(effects.contains { if case .cancel(1, let error) = $0 { error.code == .internalError } else { false } })
        #expect(!effects.contains { if case .start = $0 { true } else { false } })
        #expect(machine.heldBytes == 0)
    }

    @Test func deadlines() {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        _ = machine.effects()
        machine.deadlinePassed(1)
        let effects = machine.effects()
        guard case .trailersOnly(1, _)? = effects.first, case .cancel(1, let error)? = effects.last else {
            Issue.record("the call goes on")
            return
        }
        #expect(error.code == .deadlineExceeded)
        machine.deadlinePassed(1)
        #expect(machine.effects() == [])
    }

    /// A handler that answers at once must not win against the timer.
    @Test func aTimeoutOfZeroStartsNoHandler() {
        var machine = Self.machine()
        let fields = Self.headers("Many") + [HTTP2Header("grpc-timeout", "0n")]
        machine.receive(.headers(stream: 1, fields: fields, endStream: true), now: Self.start)
        let effects = machine.effects()
        #expect(
            effects.contains { if case .cancel(1, let error) = $0 { error.code == .deadlineExceeded } else { false } }
        )
        #expect(!effects.contains { if case .start = $0 { true } else { false } })
    }

    /// Handlers of ended calls count: otherwise a client could start any number of them.
    @Test func lingeringHandlersRefuseNewCalls() {
        var machine = Self.machine {
            $0.limits.maxConcurrentStreams = 2
            $0.limits.maxResets = 100
        }
        for stream in [1, 3, 5, 7] as [Int32] {
            machine.receive(.headers(stream: stream, fields: Self.headers("Many"), endStream: true), now: Self.start)
            machine.receive(.reset(stream, .cancel), now: Self.start)
        }
        _ = machine.effects()
        machine.receive(.headers(stream: 9, fields: Self.headers("Many"), endStream: true), now: Self.start)
        #expect(machine.effects() == [.reset(9, .refusedStream)])
        machine.handlerDone(1, nil, nil, trailers: [:])
        machine.receive(.headers(stream: 11, fields: Self.headers("Many"), endStream: true), now: Self.start)
        #expect(machine.effects().contains(.start(11, nil)))
    }

    // MARK: Memory

    @Test func oneConnectionsRequestsAreBounded() {
        var machine = Self.machine { $0.limits.maxBufferedBytes = 1000 }
        let part = Self.message(Array(repeating: 1, count: 600), length: 5000)
        for stream in [1, 3] as [Int32] {
            machine.receive(.headers(stream: stream, fields: Self.headers("One"), endStream: false), now: Self.start)
        }
        machine.receive(.data(stream: 1, part), now: Self.start)
        _ = machine.effects()
        #expect(machine.heldBytes == 600)
        machine.receive(.data(stream: 3, part), now: Self.start)
        #expect(
            machine.effects().contains {
                if case .cancel(3, let error) = $0 { error.code == .resourceExhausted } else { false }
            }
        )
        // Its bytes are dropped; the other call goes on.
        #expect(machine.heldBytes == 600)
        // Bytes that handlers have yet to read count too.
        machine.measured(unread: 500, unsent: 0)
        machine.receive(.data(stream: 1, ByteBuffer(bytes: [1])), now: Self.start)
        #expect(
            machine.effects().contains {
                if case .cancel(1, let error) = $0 { error.code == .resourceExhausted } else { false }
            }
        )
    }

    @Test func reportsItsHeldBytes() {
        var machine = Self.machine()
        let step = BufferBudget<Int>.step
        machine.measured(unread: step - 1, unsent: 0)
        #expect(machine.effects() == [])
        machine.measured(unread: step, unsent: 5)
        #expect(machine.effects() == [.report(step + 5)])
        machine.measured(unread: 10, unsent: 10)
        #expect(machine.effects() == [])
        machine.measured(unread: 0, unsent: 0)
        #expect(machine.effects() == [.report(0)])
    }

    @Test func shedding() {
        var machine = Self.machine()
        let step = BufferBudget<Int>.step
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        machine.measured(unread: 0, unsent: 10 * step)
        _ = machine.effects()
        // Most was written in the meantime: it reports that and stays open.
        machine.shed(unread: 0, unsent: step)
        #expect(machine.effects() == [.report(step)])
        machine.shed(unread: 0, unsent: step)
        let reason = "the server is out of memory for this client's calls"
        #expect(
            machine.effects() == [
                .reset(1, .enhanceYourCalm), .goAway(.enhanceYourCalm, debug: reason), .closeAfterWriting(reason),
            ]
        )
        machine.lost()
        #expect(machine.effects() == [.cancel(1, RPCError(.cancelled, "the connection was lost")), .forget(1)])
    }

    // MARK: Time

    @Test func aMissingHandshakeClosesTheConnection() {
        var machine = ServerConnectionMachine(methods: Self.methods, configuration: .init(), now: Self.start)
        machine.activated(now: Self.start)
        #expect(machine.effects() == [.wake(at: Self.start + .seconds(10))])
        machine.tick(now: Self.start + .seconds(10))
        let reason = "the HTTP/2 handshake took too long"
        #expect(machine.effects() == [.goAway(.enhanceYourCalm, debug: reason), .closeAfterWriting(reason)])
    }

    @Test func anUnfinishedHeaderBlockClosesTheConnection() {
        var machine = Self.machine()
        machine.batchEnded(isInHeaderBlock: true, isWritable: true, now: Self.start)
        #expect(machine.effects() == [.wake(at: Self.start + .seconds(20))])
        // More bytes of the block do not extend the time.
        machine.batchEnded(isInHeaderBlock: true, isWritable: true, now: Self.start + .seconds(19))
        machine.tick(now: Self.start + .seconds(20))
        #expect(machine.effects().contains(.closeAfterWriting("a header block took too long")))
    }

    @Test func aClientThatStopsReadingIsClosed() {
        var machine = Self.machine()
        machine.batchEnded(isInHeaderBlock: false, isWritable: false, now: Self.start)
        #expect(machine.effects() == [.wake(at: Self.start + .seconds(30))])
        // It reads slowly: the channel accepts bytes and is full again.
        machine.wrote(now: Self.start + .seconds(29))
        machine.batchEnded(isInHeaderBlock: false, isWritable: false, now: Self.start + .seconds(29))
        machine.tick(now: Self.start + .seconds(30))
        #expect(machine.effects() == [.wake(at: Self.start + .seconds(59))])
        machine.tick(now: Self.start + .seconds(59))
        #expect(machine.effects() == [.close("the client stopped reading")])
    }

    @Test func aRequestWithoutProgressFails() {
        var machine = Self.machine()
        // A handler of an ended call has no influence.
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        machine.receive(.reset(1, .cancel), now: Self.start)
        machine.receive(.headers(stream: 3, fields: Self.headers("One"), endStream: false), now: Self.start)
        machine.batchEnded(isInHeaderBlock: false, isWritable: true, now: Self.start)
        #expect(machine.effects().last == .wake(at: Self.start + .seconds(30)))
        // A few bytes are no progress; 4 KiB are.
        machine.receive(.data(stream: 3, Self.message([1], length: 100_000)), now: Self.start + .seconds(10))
        machine.tick(now: Self.start + .seconds(29))
        #expect(machine.effects().last == .wake(at: Self.start + .seconds(30)))
        let piece = ByteBuffer(repeating: 1, count: 5000)
        machine.receive(.data(stream: 3, piece), now: Self.start + .seconds(20))
        machine.tick(now: Self.start + .seconds(30))
        #expect(machine.effects().last == .wake(at: Self.start + .seconds(50)))
        machine.tick(now: Self.start + .seconds(50))
        #expect(
            machine.effects().contains {
                if case .cancel(3, let error) = $0 { error.code == .deadlineExceeded } else { false }
            }
        )
        #expect(machine.heldBytes == 0)
    }

    @Test func anIdleClientGetsGoAwayAndIsThenClosed() {
        var machine = Self.machine()
        machine.tick(now: Self.start + .seconds(600))
        #expect(
            machine.effects() == [
                .announceGoAway, .ping(ServerConnectionMachine.drainPing), .wake(at: Self.start + .seconds(1200)),
            ]
        )
        machine.tick(now: Self.start + .seconds(1200))
        #expect(machine.effects().contains(.goAway(.enhanceYourCalm, debug: Self.calm)))
    }

    @Test func keepalive() {
        var machine = Self.machine { $0.keepalive = RPCKeepalive(interval: .seconds(50), timeout: .seconds(5)) }
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        _ = machine.effects()
        machine.bytesReceived(now: Self.start + .seconds(20))
        machine.tick(now: Self.start + .seconds(50))
        #expect(machine.effects() == [.wake(at: Self.start + .seconds(70))])
        machine.tick(now: Self.start + .seconds(70))
        #expect(machine.effects() == [.ping(0), .wake(at: Self.start + .seconds(75))])
        machine.tick(now: Self.start + .seconds(75))
        #expect(machine.effects().first == .close("the client did not respond to a ping"))
    }

    // MARK: Ends

    @Test func floodsEndTheConnection() {
        var machine = Self.machine { $0.limits.maxSettings = 3 }
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        _ = machine.effects()
        for _ in 0..<3 { machine.receive(.settings(maxConcurrentStreams: 0), now: Self.start) }
        #expect(
            machine.effects() == [
                .reset(1, .enhanceYourCalm), .goAway(.enhanceYourCalm, debug: "too many settings"),
                .closeAfterWriting("too many settings"),
            ]
        )
        // The rest of the flood is ignored.
        machine.receive(.headers(stream: 3, fields: Self.headers("Many"), endStream: true), now: Self.start)
        machine.drain()
        machine.abort()
        machine.tick(now: Self.start + .hours(1))
        #expect(machine.effects() == [])
    }

    @Test func drainingWaitsForCalls() {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        _ = machine.effects()
        machine.drain()
        machine.drain()
        #expect(machine.effects() == [.announceGoAway, .ping(ServerConnectionMachine.drainPing)])
        machine.receive(.pong(ServerConnectionMachine.drainPing), now: Self.start)
        #expect(machine.effects() == [.goAway(.noError, debug: "")])
        machine.handlerDone(1, nil, nil, trailers: [:])
        _ = machine.effects()
        machine.receive(.closed(1, .noError), now: Self.start)
        #expect(machine.effects() == [.forget(1), .goAway(.noError, debug: ""), .closeAfterWriting(nil)])
    }

    @Test func drainingWithoutCalls() {
        var machine = Self.machine()
        // A response to a ping that was not sent.
        machine.receive(.pong(ServerConnectionMachine.drainPing), now: Self.start)
        #expect(machine.effects() == [])
        machine.drain()
        _ = machine.effects()
        machine.receive(.pong(ServerConnectionMachine.drainPing), now: Self.start)
        #expect(machine.effects().last == .closeAfterWriting(nil))
    }

    @Test func drainingBeforeTheChannelIsThere() {
        var machine = ServerConnectionMachine(methods: Self.methods, configuration: .init(), now: Self.start)
        machine.drain()
        #expect(machine.effects() == [.close("the server is shutting down")])
        machine.activated(now: Self.start)
        #expect(machine.effects() == [.close("the server is shutting down")])
    }

    @Test func aborting() {
        var machine = Self.machine()
        machine.receive(.headers(stream: 1, fields: Self.headers("Many"), endStream: true), now: Self.start)
        _ = machine.effects()
        machine.abort()
        let effects = machine.effects()
        guard case .trailersOnly(1, let fields)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(fields.contains(HTTP2Header("grpc-status", "14")))
        #expect(effects.suffix(2) == [.goAway(.noError, debug: ""), .closeAfterWriting(nil)])
    }
}

extension ServerConnectionMachine {
    mutating func effects() -> [Effect] {
        var effects: [Effect] = []
        while let effect = nextEffect() { effects.append(effect) }
        return effects
    }
}
