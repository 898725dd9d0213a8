import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// The effects of a client's machine, event by event.
@Suite struct ClientMachineTests {
    typealias Effect = ClientMachine.Effect

    static let start = NIODeadline.uptimeNanoseconds(0) + .hours(1)
    static let ok = [HTTP2Header(":status", "200"), HTTP2Header("content-type", "application/grpc")]
    static let trailers = [HTTP2Header("grpc-status", "0")]
    static let request = ByteBuffer(string: "q")

    static func machine(_ change: (inout RPCClientConfiguration) -> Void = { _ in }) -> ClientMachine {
        var configuration = RPCClientConfiguration()
        change(&configuration)
        return ClientMachine(peer: "peer", configuration: configuration, generator: SplitMix64(seed: 1))
    }

    /// A machine with these calls open on a connection that is ready.
    static func machine(
        open calls: ClosedRange<UInt64>,
        maxConcurrentStreams: Int = 100,
        _ change: (inout RPCClientConfiguration) -> Void = { _ in }
    ) -> ClientMachine {
        var machine = machine(change)
        for call in calls { machine.begin(call) }
        machine.receive(.settings(maxConcurrentStreams: maxConcurrentStreams), from: 1, now: start)
        _ = machine.effects()
        return machine
    }

    @Test func firstCallConnects() {
        var machine = Self.machine()
        machine.begin(1)
        #expect(machine.effects() == [.connect(1), .wakeConnection(1, at: Self.start + .seconds(20))])
        machine.begin(2)
        #expect(machine.effects() == [])
        machine.receive(.settings(maxConcurrentStreams: 100), from: 1, now: Self.start)
        #expect(
            machine.effects() == [
                .open(1, on: 1, stream: 1), .send(1, 1, Self.request), .finish(1, 1),
                .open(2, on: 1, stream: 3), .send(1, 3, Self.request), .finish(1, 3),
            ]
        )
        machine.receive(.finishedSending(1), from: 1, now: Self.start)
        machine.receive(.headers(stream: 1, fields: Self.ok, endStream: false), from: 1, now: Self.start)
        let data = ByteBuffer(bytes: [0, 0, 0, 0, 1, 7])
        machine.receive(.data(stream: 1, data), from: 1, now: Self.start)
        machine.receive(.headers(stream: 1, fields: Self.trailers, endStream: true), from: 1, now: Self.start)
        machine.receive(.closed(1, .noError), from: 1, now: Self.start)
        #expect(
            machine.effects() == [
                .initialMetadata(1, [:]), .creditConnection(1, 6),
                .deliver(1, [ByteBuffer(bytes: [7])], 1, 1, credit: 6), .end(1, nil, trailers: [:]),
            ]
        )
    }

    @Test func aCallWaitsForAFreeStream() {
        var machine = Self.machine(open: 1...2, maxConcurrentStreams: 1)
        machine.cancel(1)
        // The stream counts until it is closed.
        #expect(
            machine.effects() == [
                .reset(1, 1, .cancel), .end(1, RPCError(.cancelled, "the call was cancelled"), trailers: [:]),
            ]
        )
        machine.receive(.closed(1, .cancel), from: 1, now: Self.start)
        #expect(machine.effects().first == .open(2, on: 1, stream: 3))
    }

    @Test func aWaitingCallEnds() {
        var machine = Self.machine()
        machine.begin(1)
        machine.begin(2)
        _ = machine.effects()
        machine.deadlinePassed(1)
        #expect(
            machine.effects() == [.end(1, RPCError(.deadlineExceeded, "the deadline passed"), trailers: [:])]
        )
        machine.receive(.settings(maxConcurrentStreams: 100), from: 1, now: Self.start)
        #expect(machine.effects().first == .open(2, on: 1, stream: 1))
    }

    /// The response came before the end of the request.
    @Test func anEarlyResponseResetsTheStream() {
        var machine = Self.machine()
        machine.start(1, request: nil, expectsSingleResponse: false, waitsForReady: false, now: Self.start)
        machine.receive(.settings(maxConcurrentStreams: 100), from: 1, now: Self.start)
        _ = machine.effects()
        machine.receive(.headers(stream: 1, fields: Self.ok + Self.trailers, endStream: true), from: 1, now: Self.start)
        #expect(machine.effects() == [.reset(1, 1, .noError), .end(1, nil, trailers: [:])])
        // Later commands of the caller have no effect.
        machine.send(1, Self.request)
        machine.finishSending(1)
        machine.read(1, 10)
        machine.cancel(1)
        #expect(machine.effects() == [])
    }

    // MARK: Retries

    @Test func goAwayReplaysUnprocessedCalls() {
        var machine = Self.machine(open: 1...3)
        machine.receive(.goAway(lastStream: 1, .noError, debug: ""), from: 1, now: Self.start)
        let buffered = Self.request.readableBytes + 5
        #expect(
            machine.effects() == [
                .rewind(2, buffered: buffered), .connect(2), .wakeConnection(2, at: Self.start + .seconds(20)),
                .rewind(3, buffered: buffered),
            ]
        )
        machine.receive(.settings(maxConcurrentStreams: 100), from: 2, now: Self.start)
        #expect(
            machine.effects() == [
                .open(2, on: 2, stream: 1), .send(2, 1, Self.request), .finish(2, 1),
                .open(3, on: 2, stream: 3), .send(2, 3, Self.request), .finish(2, 3),
            ]
        )
        // The first call goes on, and its connection closes after it.
        machine.receive(.finishedSending(1), from: 1, now: Self.start)
        machine.receive(.headers(stream: 1, fields: Self.ok + Self.trailers, endStream: true), from: 1, now: Self.start)
        #expect(machine.effects() == [.end(1, nil, trailers: [:]), .goAway(1), .closeAfterWriting(1)])
    }

    @Test func aCallWithAResponseIsNotReplayed() {
        var machine = Self.machine(open: 1...1)
        machine.receive(.headers(stream: 1, fields: Self.ok, endStream: false), from: 1, now: Self.start)
        machine.receive(.goAway(lastStream: 0, .enhanceYourCalm, debug: "x"), from: 1, now: Self.start)
        let effects = machine.effects()
        #expect(effects.first == .initialMetadata(1, [:]))
        let error = RPCError(.unavailable, "the server is going away: ENHANCE_YOUR_CALM, x")
        #expect(effects.contains(.end(1, error, trailers: [:])))
        #expect(!effects.contains { if case .rewind = $0 { true } else { false } })
    }

    /// The server may have processed them.
    @Test func callsOfALostConnectionAreNotReplayed() {
        var machine = Self.machine(open: 1...2)
        machine.receive(.goAway(lastStream: 3, .internalError, debug: ""), from: 1, now: Self.start)
        machine.lost(1, nil, now: Self.start)
        let error = RPCError(.unavailable, "the server closed the connection: INTERNAL_ERROR")
        #expect(machine.effects() == [.end(1, error, trailers: [:]), .end(2, error, trailers: [:])])
    }

    @Test func refusedStreamsAreRetriedUpToTheLimit() {
        var machine = Self.machine(open: 1...1) { $0.maxAttempts = 3 }
        for stream in [1, 3] as [Int32] {
            machine.receive(.reset(stream, .refusedStream), from: 1, now: Self.start)
            let effects = machine.effects()
            #expect(effects.contains(.open(1, on: 1, stream: stream + 2)))
            #expect(effects.contains(.send(1, stream + 2, Self.request)))
            machine.receive(.closed(stream, .refusedStream), from: 1, now: Self.start)
            #expect(machine.effects() == [])
        }
        machine.receive(.reset(5, .refusedStream), from: 1, now: Self.start)
        #expect(
            machine.effects() == [.end(1, RPCError(.unavailable, "the server refused the stream"), trailers: [:])]
        )
    }

    @Test func anUnsentCallGoesToTheNextConnection() {
        var machine = Self.machine(open: 1...1)
        // Announces a shutdown; the server may process every stream that it gets.
        machine.receive(.goAway(lastStream: .max, .noError, debug: ""), from: 1, now: Self.start)
        #expect(machine.effects() == [])
        machine.receive(.notSent(1), from: 1, now: Self.start)
        #expect(machine.effects().contains(.connect(2)))
        machine.receive(.settings(maxConcurrentStreams: 100), from: 2, now: Self.start)
        #expect(machine.effects().first == .open(1, on: 2, stream: 1))
    }

    @Test func largeRequestsAreNotKept() {
        var machine = Self.machine(open: 1...1) { $0.replayBufferLimit = 3 }
        machine.receive(.reset(1, .refusedStream), from: 1, now: Self.start)
        #expect(
            machine.effects() == [.end(1, RPCError(.unavailable, "the server refused the stream"), trailers: [:])]
        )
    }

    @Test func messagesAreReplayedInOrder() {
        var machine = Self.machine()
        machine.start(1, request: nil, expectsSingleResponse: false, waitsForReady: false, now: Self.start)
        let messages = ["a", "b", "c"].map { ByteBuffer(string: $0) }
        machine.send(1, messages[0])
        machine.receive(.settings(maxConcurrentStreams: 100), from: 1, now: Self.start)
        machine.send(1, messages[1])
        _ = machine.effects()
        machine.receive(.reset(1, .refusedStream), from: 1, now: Self.start)
        #expect(
            machine.effects() == [
                .rewind(1, buffered: 12), .open(1, on: 1, stream: 3), .send(1, 3, messages[0]),
                .send(1, 3, messages[1]),
            ]
        )
        machine.send(1, messages[2])
        machine.finishSending(1)
        machine.finishSending(1)
        #expect(machine.effects() == [.send(1, 3, messages[2]), .finish(1, 3)])
    }

    // MARK: Connections

    @Test func aFailedAttemptFailsAllCallsButThoseThatWaitForReady() {
        var machine = Self.machine()
        machine.begin(1)
        machine.begin(2, waitsForReady: true)
        _ = machine.effects()
        machine.lost(1, RPCError(.unavailable, "Connection refused"), now: Self.start)
        var effects = machine.effects()
        let error = RPCError(.unavailable, "cannot connect to peer: Connection refused")
        #expect(effects.first == .end(1, error, trailers: [:]))
        guard case .wake? = effects.last, effects.count == 2 else {
            Issue.record("\(effects)")
            return
        }
        machine.begin(3)
        #expect(machine.effects() == [.end(3, error, trailers: [:])])
        machine.woke(now: Self.start)
        #expect(machine.effects().first == .connect(2))
        machine.receive(.settings(maxConcurrentStreams: 1), from: 2, now: Self.start)
        effects = machine.effects()
        #expect(effects.first == .open(2, on: 2, stream: 1))
    }

    @Test func aSilentServerIsClosedAtTheConnectTimeout() {
        var machine = Self.machine { $0.connectTimeout = .seconds(3) }
        machine.begin(1)
        #expect(machine.effects() == [.connect(1), .wakeConnection(1, at: Self.start + .seconds(3))])
        machine.tick(1, now: Self.start + .seconds(3))
        let error = RPCError(.unavailable, "peer did not respond within 3.0 seconds")
        #expect(machine.effects() == [.close(1, error)])
        machine.lost(1, nil, now: Self.start + .seconds(3))
        #expect(machine.effects().first == .end(1, error, trailers: [:]))
    }

    @Test func keepaliveClosesASilentConnection() {
        let keepalive = RPCKeepalive(interval: .seconds(10), timeout: .seconds(2))
        var machine = Self.machine { $0.keepalive = keepalive }
        machine.begin(1)
        machine.receive(.settings(maxConcurrentStreams: 100), from: 1, now: Self.start)
        #expect(machine.effects().contains(.wakeConnection(1, at: Self.start + .seconds(10))))
        machine.bytesReceived(1, now: Self.start + .seconds(4))
        machine.tick(1, now: Self.start + .seconds(10))
        #expect(machine.effects() == [.wakeConnection(1, at: Self.start + .seconds(14))])
        machine.tick(1, now: Self.start + .seconds(14))
        #expect(machine.effects() == [.ping(1), .wakeConnection(1, at: Self.start + .seconds(16))])
        machine.tick(1, now: Self.start + .seconds(16))
        let error = RPCError(.unavailable, "peer did not respond to a ping")
        #expect(machine.effects() == [.close(1, error)])
        machine.lost(1, nil, now: Self.start + .seconds(16))
        #expect(machine.effects() == [.end(1, error, trailers: [:])])
        // The next call gets a new connection.
        machine.begin(2)
        #expect(machine.effects().first == .connect(2))
    }

    /// The client retries such a server after a pause, and the calls wait for it.
    @Test func aServerThatRefusesAllConnectionsIsRetriedWithBackOff() {
        var machine = Self.machine(open: 1...1)
        machine.receive(.goAway(lastStream: 0, .noError, debug: ""), from: 1, now: Self.start)
        #expect(machine.effects().contains(.connect(2)))
        machine.receive(.settings(maxConcurrentStreams: 100), from: 2, now: Self.start)
        machine.receive(.goAway(lastStream: 0, .noError, debug: ""), from: 2, now: Self.start)
        let effects = machine.effects()
        #expect(effects.contains { if case .wake = $0 { true } else { false } })
        #expect(!effects.contains(.connect(3)))
        #expect(!effects.contains { if case .end = $0 { true } else { false } })
        machine.woke(now: Self.start)
        #expect(machine.effects().first == .connect(3))
    }

    @Test func goAwayBeforeSettings() {
        var machine = Self.machine()
        machine.begin(1)
        _ = machine.effects()
        machine.receive(.goAway(lastStream: 0, .noError, debug: ""), from: 1, now: Self.start)
        #expect(machine.effects() == [.close(1, RPCError(.unavailable, "peer is going away: NO_ERROR"))])
    }

    @Test func closeWaitsForOpenCalls() {
        var machine = Self.machine(open: 1...1)
        machine.close(now: Self.start)
        #expect(machine.effects() == [])
        machine.begin(2)
        let closed = RPCError(.unavailable, "the client is closed")
        #expect(machine.effects() == [.end(2, closed, trailers: [:])])
        machine.receive(.finishedSending(1), from: 1, now: Self.start)
        machine.receive(.headers(stream: 1, fields: Self.ok + Self.trailers, endStream: true), from: 1, now: Self.start)
        #expect(machine.effects() == [.end(1, nil, trailers: [:]), .goAway(1), .closeAfterWriting(1)])
        machine.lost(1, nil, now: Self.start)
        #expect(machine.effects() == [])
        machine.ended(1)
        #expect(machine.effects() == [.closed])
    }

    @Test func closeOfAnIdleClient() {
        var machine = Self.machine()
        machine.close(now: Self.start)
        #expect(machine.effects() == [.closed])
    }

    @Test func closeWhileConnecting() {
        var machine = Self.machine()
        machine.begin(1, waitsForReady: true)
        _ = machine.effects()
        machine.close(now: Self.start)
        let closed = RPCError(.unavailable, "the client is closed")
        #expect(machine.effects() == [.end(1, closed, trailers: [:]), .goAway(1), .closeAfterWriting(1)])
        machine.lost(1, nil, now: Self.start)
        machine.ended(1)
        #expect(machine.effects() == [.closed])
    }
}

extension ClientMachine {
    mutating func begin(_ call: CallID, waitsForReady: Bool = false) {
        start(
            call,
            request: ClientMachineTests.request,
            expectsSingleResponse: true,
            waitsForReady: waitsForReady,
            now: ClientMachineTests.start
        )
    }

    mutating func effects() -> [Effect] {
        var effects: [Effect] = []
        while let effect = nextEffect() { effects.append(effect) }
        return effects
    }
}
