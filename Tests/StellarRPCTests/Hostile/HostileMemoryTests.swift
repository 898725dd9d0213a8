import NIOCore
import StellarRPC
import StellarTestKit
import Synchronization
import Testing

/// Many clients that each stay within the memory limit of one connection.
@Suite(.serialized, .timeLimit(.minutes(5))) struct HostileMemoryTests {
    private static let limit = 4 << 20
    private static let clients = 12
    /// The bytes that the server holds for each: less than the limit of one connection.
    private static let held = 900 << 10

    private static func underLimit(_ attack: (RPCAddress) async throws -> Void) async throws {
        var limits = RPCServerLimits()
        limits.maxTotalBufferedBytes = limit
        // No timeout of the server frees the bytes first, however slow the machine is.
        limits.requestTimeout = .seconds(600)
        try await underAttack(limits, attack)
    }

    /// Those that were sent away learn why; those that stay hold less than the limit; a good client is served all the while.
    private static func expectBounded(_ connections: [RawConnection], _ address: RPCAddress) async throws {
        try await withClient(address) { client -> Void in
            try await eventually("the server sheds", within: .seconds(60)) { () -> Bool? in
                let response = try await client.unary(
                    InteropService.method("Unary"),
                    ByteBuffer(string: "alive"),
                    options: .init(waitForReady: true)
                )
                #expect(String(buffer: response) == "alive")
                for connection in connections { connection.receiveNow() }
                let staying = connections.count { $0.ending == nil }
                return staying * held <= limit ? true : nil
            }
        }
        let gone = connections.filter { $0.ending != nil }
        for connection in gone {
            #expect(connection.goAway?.code == 11)
            #expect(connection.goAway?.reason.contains("out of memory") == true)
        }
        // No more than necessary.
        #expect(gone.count < clients)
    }

    /// Connections with four calls each, whose requests come in pieces, as far as a stream's window allows.
    private static func connect(
        _ address: RPCAddress,
        _ method: String,
        first: [UInt8],
        more: [UInt8]
    ) async throws -> [RawConnection] {
        var connections: [RawConnection] = []
        for _ in 0..<clients {
            let connection = try RawConnection(to: address)
            connections.append(connection)
            try await connection.send(H2.hello)
            try await connection.awaitFrame("SETTINGS") { $0.type == 4 && $0.flags == 0 }
            try await connection.send(H2.frame(4, flags: 1))
            for stream in [1, 3, 5, 7] as [UInt32] {
                try await connection.send(H2.headers(stream, H2.request(method)) + H2.data(stream, first))
                for _ in 1..<15 { try await connection.send(H2.data(stream, more)) }
            }
        }
        return connections
    }

    /// Unary requests that never end.
    @Test func requestsOfAllConnections() async throws {
        try await Self.underLimit { address in
            let more = Array(repeating: UInt8(1), count: 16_000)
            let first = H2.message(more, length: 1 << 20)
            try await Self.expectBounded(try await Self.connect(address, "Unary", first: first, more: more), address)
        }
    }

    /// Messages that a handler never reads.
    @Test func messagesThatNobodyReads() async throws {
        try await Self.underLimit { address in
            let message = H2.message(Array(repeating: 1, count: 16_000))
            let connections = try await Self.connect(address, "Deaf", first: message, more: message)
            try await Self.expectBounded(connections, address)
        }
    }

    /// Responses that the client's window holds back.
    @Test func responsesOfAllConnections() async throws {
        try await Self.underLimit { address in
            var connections: [RawConnection] = []
            for _ in 0..<Self.clients {
                let connection = try RawConnection(to: address)
                connections.append(connection)
                let size = Array("\(Self.held)".utf8)
                try await connection.send(
                    H2.preface + H2.frame(4, [0, 4, 0, 0, 0, 0]) + H2.headers(1, H2.request("Large"))
                        + H2.data(1, H2.message(size), end: true)
                )
                try await connection.awaitFrame("the response or the end") { $0.type == 1 || $0.type == 7 }
            }
            try await Self.expectBounded(connections, address)
        }
    }

    // MARK: - Streams at a time

    /// The server refuses streams over the limit until the client has acknowledged it; then it closes the connection.
    @Test func moreStreamsThanAllowed() async throws {
        var limits = RPCServerLimits()
        limits.maxConcurrentStreams = 5
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            var bytes = H2.hello
            for index in 0..<8 { bytes += H2.headers(UInt32(index * 2 + 1), H2.request("Deaf")) }
            try await connection.send(bytes)
            try await eventually("three are refused", within: .seconds(60)) { () -> Bool? in
                connection.receiveNow()
                let refused = connection.frames.filter { $0.type == 3 && $0.payload == [0, 0, 0, 7] }.map(\.stream)
                return refused == [11, 13, 15] ? true : nil
            }
            #expect(connection.ending == nil)
            try await connection.send(H2.frame(4, flags: 1) + H2.headers(17, H2.request("Deaf")))
            try await connection.awaitEnd()
            #expect(connection.goAway != nil)
        }
    }

    /// This project's client waits instead.
    @Test func ourClientKeepsToTheLimit() async throws {
        let open = Mutex((now: 0, most: 0))
        let methods: [RPCMethodHandler] = [
            .unary(bytes: "Count") { _, _ in
                open.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                for _ in 0..<100 { await Task.yield() }
                open.withLock { $0.now -= 1 }
                return ByteBuffer()
            }
        ]
        var configuration = RPCServerConfiguration()
        configuration.limits.maxConcurrentStreams = 3
        try await withLoopback(methods, server: configuration) { client, _ in
            // The client knows the limit after the first call.
            _ = try await client.unary(method("Count"), ByteBuffer())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 { group.addTask { _ = try await client.unary(method("Count"), ByteBuffer()) } }
                try await group.waitForAll()
            }
        }
        #expect(open.withLock { $0.most } <= 3)
    }
}
