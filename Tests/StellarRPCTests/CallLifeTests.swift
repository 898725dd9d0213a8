import NIOCore
import StellarRPC
import Synchronization
import Testing

/// Deadlines, cancellation, back-pressure, limits: what ends calls or holds them back.
@Suite(.timeLimit(.minutes(10))) struct CallLifeTests {
    /// Handlers that report how they end; `Hang` never responds.
    static func hanging(_ ended: AsyncStream<String>.Continuation) -> [RPCMethodHandler] {
        [
            .unary(bytes: "Hang") { _, call in
                ended.yield("started")
                do {
                    try await Task.sleep(for: .seconds(600))
                } catch {
                    ended.yield("cancelled")
                }
                return ByteBuffer()
            },
            .unary(bytes: "Respond") { _, _ in ByteBuffer() },
            .streaming(bytes: "Read") { call in
                ended.yield("started")
                do {
                    for try await _ in call.requests {}
                    ended.yield("end")
                } catch let error as RPCError {
                    ended.yield("\(error.code)")
                }
            },
        ]
    }

    @Test func deadlineEndsBothSides() async throws {
        let (events, ended) = AsyncStream.makeStream(of: String.self)
        try await withLoopback(Self.hanging(ended)) { client, _ in
            // Connected first, and time enough for the handler to begin on a busy machine.
            _ = try await client.unary(method("Respond"), ByteBuffer())
            let error = await failure {
                try await client.unary(method("Hang"), ByteBuffer(), options: .init(timeout: .seconds(5)))
            }
            #expect(error?.code == .deadlineExceeded)
            var iterator = events.makeAsyncIterator()
            #expect(await iterator.next() == "started")
            #expect(await iterator.next() == "cancelled")
        }
    }

    @Test func handlersSeeTheDeadline() async throws {
        let methods: [RPCMethodHandler] = [
            .unary(bytes: "Left") { _, call in
                ByteBuffer(
                    string: call.deadline.map { ContinuousClock.now.duration(to: $0) <= .seconds(30) ? "yes" : "far" }
                        ?? "none"
                )
            }
        ]
        try await withLoopback(methods) { client, _ in
            let response1 = try await String(buffer: client.unary(method("Left"), ByteBuffer()))
            #expect(response1 == "none")
            let options = RPCCallOptions(timeout: .seconds(30))
            let response2 = try await String(buffer: client.unary(method("Left"), ByteBuffer(), options: options))
            #expect(response2 == "yes")
        }
    }

    @Test func cancelledTaskCancelsTheHandler() async throws {
        let (events, ended) = AsyncStream.makeStream(of: String.self)
        try await withLoopback(Self.hanging(ended)) { client, _ in
            var iterator = events.makeAsyncIterator()
            let call = Task { await failure { try await client.unary(method("Hang"), ByteBuffer()) } }
            #expect(await iterator.next() == "started")
            call.cancel()
            #expect(await call.value?.code == .cancelled)
            #expect(await iterator.next() == "cancelled")
        }
    }

    @Test func leavingTheBodyCancelsTheCall() async throws {
        let (events, ended) = AsyncStream.makeStream(of: String.self)
        try await withLoopback(Self.hanging(ended)) { client, _ in
            var iterator = events.makeAsyncIterator()
            try await client.withCall(method("Read")) { call in
                try await call.send(ByteBuffer())
                #expect(await iterator.next() == "started")
            }
            #expect(await iterator.next() == "CANCELLED")
        }
    }

    @Test func lostClientCancelsItsHandlers() async throws {
        let (events, ended) = AsyncStream.makeStream(of: String.self)
        let methods = Self.hanging(ended)
        let server = RPCServer(services: [RPCService(name: "test.Echo", methods: methods)])
        let address = try await server.bind(.tcp(host: "127.0.0.1", port: 0))
        let client = RPCClient(address: address)
        var iterator = events.makeAsyncIterator()
        let call = Task { await failure { try await client.unary(method("Hang"), ByteBuffer()) } }
        #expect(await iterator.next() == "started")
        await server.shutdown(grace: .zero)
        #expect(await call.value?.code == .unavailable)
        #expect(await iterator.next() == "cancelled")
        await client.close()
    }

    /// A sender without a reader stops after a window and a buffer.
    @Test func slowReaderHoldsTheServerBack() async throws {
        let sent = Counter()
        let methods: [RPCMethodHandler] = [
            .serverStreaming(bytes: "Flood") { _, call in
                let message = ByteBuffer(repeating: 7, count: 64 << 10)
                for _ in 0..<1000 {
                    try await call.send(message)
                    sent.add()
                }
            }
        ]
        try await withLoopback(methods) { client, _ in
            try await client.withCall(method("Flood")) { call in
                try await call.send(ByteBuffer())
                call.finishSending()
                var iterator = call.responses.makeAsyncIterator()
                #expect(try await iterator.next() != nil)
                // Other calls are not held back by it: ten calls later the flood has come as far as it can.
                for _ in 0..<10 {
                    let error = await failure { try await client.unary(method("No"), ByteBuffer()) }
                    #expect(error?.code == .unimplemented)
                }
                let count = sent.value
                // 1 MiB of window, 256 KiB of buffer, socket buffers: far below the 62 MiB on offer.
                #expect(count < 200)
                var total = 1
                while try await iterator.next() != nil { total += 1 }
                #expect(total == 1000)
            }
        }
    }

    @Test func slowHandlerHoldsTheClientBack() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let methods: [RPCMethodHandler] = [
            .streaming(bytes: "Swallow") { call in
                for await _ in gate { break }
                var count = 0
                for try await _ in call.requests { count += 1 }
                try await call.send(ByteBuffer(string: "\(count)"))
            }
        ]
        try await withLoopback(methods) { client, _ in
            let sent = Counter()
            let response = try await client.withCall(method("Swallow")) { call in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let message = ByteBuffer(repeating: 7, count: 64 << 10)
                        for _ in 0..<300 {
                            try await call.send(message)
                            sent.add()
                        }
                        call.finishSending()
                    }
                    for _ in 0..<10 {
                        let error = await failure { try await client.unary(method("No"), ByteBuffer()) }
                        #expect(error?.code == .unimplemented)
                    }
                    #expect(sent.value < 150)
                    open.yield()
                    try await group.waitForAll()
                }
                return try await call.responses.collect()
            }
            #expect(response == ["300"])
        }
    }

    @Test func largeMessagesBothWays() async throws {
        let methods: [RPCMethodHandler] = [.unary(bytes: "Echo") { request, _ in request }]
        try await withLoopback(methods) { client, _ in
            let message = ByteBuffer(bytes: (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let response3 = try await client.unary(method("Echo"), message)
            #expect(response3 == message)
        }
    }

    @Test func messagesOverTheLimit() async throws {
        let methods: [RPCMethodHandler] = [
            .unary(bytes: "Echo") { request, _ in request },
            .unary(bytes: "Large") { _, _ in ByteBuffer(repeating: 0, count: 2000) },
        ]
        var server = RPCServerConfiguration()
        server.maxMessageSize = 1000
        var client = RPCClientConfiguration()
        client.maxMessageSize = 1500
        try await withLoopback(methods, server: server, client: client) { client, _ in
            let request = await failure {
                try await client.unary(method("Echo"), ByteBuffer(repeating: 0, count: 1001))
            }
            #expect(request == RPCError(.resourceExhausted, "a message of 1001 bytes is over the limit of 1000"))
            let response = await failure { try await client.unary(method("Large"), ByteBuffer()) }
            #expect(response == RPCError(.resourceExhausted, "a message of 2000 bytes is over the limit of 1500"))
            let response4 = try await client.unary(method("Echo"), ByteBuffer(repeating: 0, count: 1000)).readableBytes
            #expect(response4 == 1000)
        }
    }

    @Test func headersOverTheLimit() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let options = RPCCallOptions(metadata: ["big": String(repeating: "x", count: 20_000)])
            let error = await failure { try await client.unary(method("Unary"), ByteBuffer(), options: options) }
            #expect(error?.code == .resourceExhausted)
            let response5 = try await String(buffer: client.unary(method("Unary"), ByteBuffer()))
            #expect(response5 == "<>")
        }
    }

    @Test func metadataThatCannotBeSentIsRefused() async throws {
        let client = RPCClient(address: .tcp(host: "127.0.0.1", port: 1))
        let error = await failure {
            try await client.unary(method("Unary"), ByteBuffer(), options: .init(metadata: ["bad key": "x"]))
        }
        #expect(error?.code == .invalidArgument)
        await client.close()
    }
}

final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() { count.withLock { $0 += 1 } }
}
