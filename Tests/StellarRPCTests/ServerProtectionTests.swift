import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// Frames of a hostile client, fed to a session without a socket.
@Suite struct ServerProtectionTests {
    /// Moves output between a client's and a server's session until neither has any.
    static func exchange(_ client: HTTP2Session, _ server: HTTP2Session) throws {
        while true {
            var up = ByteBuffer()
            var down = ByteBuffer()
            _ = try client.produceOutput(into: &up, limit: 1 << 20)
            if up.readableBytes > 0 { try server.receive(up) }
            _ = try server.produceOutput(into: &down, limit: 1 << 20)
            if down.readableBytes > 0 { try client.receive(down) }
            if up.readableBytes == 0, down.readableBytes == 0 { return }
        }
    }

    static func pair(
        server settings: HTTP2Session.Settings = .init()
    ) throws -> (client: HTTP2Session, server: HTTP2Session) {
        var settings = settings
        settings.maxConcurrentStreams = max(settings.maxConcurrentStreams, 10)
        let client = try HTTP2Session(role: .client, settings: .init())
        let server = try HTTP2Session(role: .server, settings: settings)
        try exchange(client, server)
        #expect(client.takeEvents() == [.settings(maxConcurrentStreams: settings.maxConcurrentStreams)])
        #expect(server.takeEvents().contains(.settings(maxConcurrentStreams: 0)))
        return (client, server)
    }

    static func headers(_ more: [HTTP2Header] = []) -> [HTTP2Header] {
        RequestHead.fields(path: "/s/m", scheme: "http", authority: "a", userAgent: "u", timeout: nil, metadata: [:])
            + more
    }

    @Test func oneCall() throws {
        let (client, server) = try Self.pair()
        let stream = try client.submitRequest(Self.headers(), gate: nil)
        client.send(stream, message: ByteBuffer(string: "hello"))
        client.finish(stream, trailers: nil)
        try Self.exchange(client, server)
        var data = ByteBuffer(bytes: [0, 0, 0, 0, 5])
        data.writeString("hello")
        let events = server.takeEvents().filter { $0 != .idleFrame }
        #expect(
            events == [
                .headers(stream: stream, fields: Self.headers(), endStream: false), .data(stream: stream, data),
                .endStream(stream),
            ]
        )
        server.submitResponse(stream, [HTTP2Header(":status", "200")], gate: nil)
        server.send(stream, message: ByteBuffer())
        server.finish(stream, trailers: [HTTP2Header("grpc-status", "0")])
        try Self.exchange(client, server)
        let responses = client.takeEvents().filter { $0 != .idleFrame }
        #expect(
            responses == [
                .finishedSending(stream),
                .headers(stream: stream, fields: [HTTP2Header(":status", "200")], endStream: false),
                .data(stream: stream, ByteBuffer(bytes: [0, 0, 0, 0, 0])),
                .headers(stream: stream, fields: [HTTP2Header("grpc-status", "0")], endStream: true),
                .closed(stream, .noError),
            ]
        )
        #expect(server.takeEvents() == [.finishedSending(stream), .closed(stream, .noError)])
    }

    /// Without credit from the reader, a sender stops at the window.
    @Test func windowHolds() throws {
        let (client, server) = try Self.pair()
        let stream = try client.submitRequest(Self.headers(), gate: nil)
        client.send(stream, message: ByteBuffer(repeating: 1, count: 200_000))
        try Self.exchange(client, server)
        func received() -> Int {
            server.takeEvents().reduce(0) { if case .data(_, let bytes) = $1 { $0 + bytes.readableBytes } else { $0 } }
        }
        #expect(received() == 65_535)
        server.consumeConnection(65_535)
        try Self.exchange(client, server)
        #expect(received() == 0)
        server.consume(stream, 65_535)
        try Self.exchange(client, server)
        #expect(received() == 65_535)
    }

    @Test func oversizedHeadersAreDropped() throws {
        var settings = HTTP2Session.Settings()
        settings.maxHeaderListSize = 1000
        let (client, server) = try Self.pair(server: settings)
        let stream = try client.submitRequest(
            Self.headers([HTTP2Header("x", String(repeating: "y", count: 1000))]),
            gate: nil
        )
        try Self.exchange(client, server)
        #expect(server.takeEvents().contains(.headersTooLarge(stream: stream)))
        // The compression state is intact: the next call is read.
        let next = try client.submitRequest(Self.headers(), gate: nil)
        try Self.exchange(client, server)
        #expect(server.takeEvents().contains(.headers(stream: next, fields: Self.headers(), endStream: false)))
    }

    /// A frame by hand (RFC 9113 section 4.1).
    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> ByteBuffer {
        let count = payload.count
        var bytes = ByteBuffer(bytes: [
            UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags,
        ])
        bytes.writeInteger(stream)
        bytes.writeBytes(payload)
        return bytes
    }

    @Test func continuationFloodEnds() throws {
        let (_, server) = try Self.pair()
        try server.receive(Self.frame(1, 0, 1, [0x83]))
        #expect(server.isInHeaderBlock)
        #expect(throws: HTTP2Error.self) {
            for _ in 0..<20 { try server.receive(Self.frame(9, 0, 1, [])) }
        }
    }

    @Test func pingFloodEnds() throws {
        let (_, server) = try Self.pair()
        // The session bounds the responses that the client never reads.
        #expect(throws: HTTP2Error.self) {
            for _ in 0..<20_000 { try server.receive(Self.frame(6, 0, 0, Array(repeating: 0, count: 8))) }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "\u{16}\u{3}\u{1}",
        String(repeating: "\0", count: 100),
    ]) func notHTTP2(text: String) throws {
        let server = try HTTP2Session(role: .server, settings: .init())
        do {
            try server.receive(ByteBuffer(string: text))
            // A prefix of the preface is no error.
            #expect("PRI * HTTP/2.0".hasPrefix(text) || server.takeEvents().isEmpty)
        } catch {
            #expect(!error.description.isEmpty)
        }
    }

    /// Frames of any kind, cut and mixed up: an error or a GOAWAY, never a trap.
    @Test(arguments: 0..<200) func anyBytes(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (client, server) = try Self.pair()
        let stream = try client.submitRequest(Self.headers(), gate: nil)
        client.send(stream, message: ByteBuffer(repeating: 1, count: 3000))
        try Self.exchange(client, server)
        do {
            for _ in 0..<50 {
                var bytes = Self.frame(
                    UInt8.random(in: 0...12, using: &random),
                    UInt8.random(in: 0...255, using: &random),
                    UInt32.random(in: 0...5, using: &random),
                    (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                )
                if Int.random(in: 0..<10, using: &random) == 0 { bytes.moveReaderIndex(forwardBy: 1) }
                try server.receive(bytes)
                var output = ByteBuffer()
                _ = try server.produceOutput(into: &output, limit: 1 << 20)
                if server.wantsClose { return }
            }
        } catch {
            #expect(!error.description.isEmpty)
        }
    }
}
