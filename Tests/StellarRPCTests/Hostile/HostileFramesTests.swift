import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// Serves the interop service to a hostile client; a call of an honest client must work afterwards.
func underAttack(
    _ limits: RPCServerLimits = .init(),
    _ attack: (RPCAddress) async throws -> Void
) async throws {
    var configuration = RPCServerConfiguration()
    configuration.limits = limits
    try await withServer([InteropService().service], configuration) { _, address in
        try await attack(address)
        // Retried, as a short limit of the test may end its own handshake.
        let response = try await eventually("a good client is served") {
            try await withClient(address) { client in
                try await client.unary(
                    InteropService.method("Unary"),
                    ByteBuffer(string: "alive"),
                    options: .init(timeout: .seconds(30), waitForReady: true)
                )
            }
        }
        #expect(response == ByteBuffer(string: "alive"))
    }
}

/// Frames and prefaces that RFC 9113 and RFC 7541 forbid. Each ends the connection, and only that.
@Suite struct HostileFramesTests {
    struct Wrong: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]

        init(_ name: String, _ bytes: [UInt8]) {
            testDescription = name
            self.bytes = bytes
        }
    }

    static let wrong: [Wrong] = [
        Wrong("HTTP/1.1 request", Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)),
        Wrong("preface with a wrong letter", Array("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n".utf8)),
        Wrong("zeros", Array(repeating: 0, count: 100)),
        Wrong("TLS hello on a plain port", [22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + Array(repeating: 1, count: 100)),
        Wrong("no SETTINGS after the preface", H2.preface + H2.frame(6, Array(repeating: 0, count: 8))),
        Wrong("SETTINGS of five bytes", H2.preface + H2.frame(4, [0, 1, 0, 0, 0])),
        Wrong("SETTINGS ACK with a payload", H2.hello + H2.frame(4, flags: 1, [0, 1, 0, 0, 0, 0])),
        Wrong("SETTINGS on a stream", H2.hello + H2.frame(4, stream: 1)),
        Wrong("window over 2^31-1 in SETTINGS", H2.preface + H2.frame(4, [0, 4, 0xff, 0xff, 0xff, 0xff])),
        Wrong("frame size of 1 in SETTINGS", H2.preface + H2.frame(4, [0, 5, 0, 0, 0, 1])),
        Wrong("push of 2 in SETTINGS", H2.preface + H2.frame(4, [0, 2, 0, 0, 0, 2])),
        Wrong("PING of seven bytes", H2.hello + H2.frame(6, Array(repeating: 0, count: 7))),
        Wrong("PING on a stream", H2.hello + H2.frame(6, stream: 1, Array(repeating: 0, count: 8))),
        Wrong("WINDOW_UPDATE of zero", H2.hello + H2.frame(8, [0, 0, 0, 0])),
        // RFC 9113 section 5.4.1 allows nghttp2 to treat this stream error as a connection error.
        Wrong(
            "WINDOW_UPDATE of zero on a stream",
            H2.hello + H2.headers(1, H2.request("Bidirectional")) + H2.frame(8, stream: 1, [0, 0, 0, 0])
        ),
        Wrong("WINDOW_UPDATE over the top", H2.hello + H2.frame(8, [0x7f, 0xff, 0xff, 0xff])),
        Wrong("WINDOW_UPDATE of three bytes", H2.hello + H2.frame(8, [0, 0, 1])),
        Wrong("WINDOW_UPDATE of an idle stream", H2.hello + H2.frame(8, stream: 9, [0, 0, 0, 1])),
        Wrong("DATA on stream 0", H2.hello + H2.frame(0, [1])),
        Wrong("DATA on an idle stream", H2.hello + H2.frame(0, stream: 5, [1])),
        Wrong("HEADERS on stream 0", H2.hello + H2.headers(0, H2.request("Unary"))),
        Wrong("HEADERS on an even stream", H2.hello + H2.headers(2, H2.request("Unary"))),
        Wrong("HEADERS with an index of nothing", H2.hello + H2.headers(1, [0xff, 0x80, 0x80, 0x01])),
        Wrong("HEADERS with an endless integer", H2.hello + H2.headers(1, [0x7f] + Array(repeating: 0xff, count: 40))),
        Wrong("HEADERS with a string cut", H2.hello + H2.headers(1, [0, 10, 97, 98])),
        Wrong("HEADERS with a broken Huffman code", H2.hello + H2.headers(1, [0, 0x81, 0xfc, 0x81, 0x00])),
        Wrong("HEADERS with a table larger than allowed", H2.hello + H2.headers(1, [0x3f, 0xff, 0xff, 0x7f])),
        Wrong("HEADERS with more padding than payload", H2.hello + H2.frame(1, flags: 12, stream: 1, [200, 1, 2])),
        Wrong("HEADERS that depend on themselves", H2.hello + H2.frame(2, stream: 1, [0, 0, 0, 1, 0]) + [0xff]),
        Wrong("CONTINUATION of nothing", H2.hello + H2.frame(9, flags: 4, stream: 1, [0x82])),
        Wrong(
            "PING within a header block",
            H2.hello + H2.frame(1, stream: 1, [0x82]) + H2.frame(6, Array(repeating: 0, count: 8))
        ),
        Wrong(
            "CONTINUATION of another stream",
            H2.hello + H2.frame(1, stream: 1, [0x82]) + H2.frame(9, stream: 3, [0x82])
        ),
        Wrong("RST_STREAM of an idle stream", H2.hello + H2.frame(3, stream: 7, [0, 0, 0, 8])),
        Wrong("RST_STREAM of three bytes", H2.hello + H2.frame(3, stream: 1, [0, 0, 8])),
        Wrong("PUSH_PROMISE", H2.hello + H2.frame(5, flags: 4, stream: 1, [0, 0, 0, 2, 0x82])),
        Wrong("GOAWAY of four bytes", H2.hello + H2.frame(7, [0, 0, 0, 0])),
        Wrong("a frame of 16 MiB", H2.hello + H2.frame(0, stream: 1, [1, 2, 3], length: 0xff_ffff)),
        Wrong(
            "DATA with more padding than payload",
            H2.hello + H2.headers(1, H2.request("Bidirectional")) + H2.frame(0, flags: 8, stream: 1, [9, 1])
        ),
        Wrong(
            "DATA beyond the stream's window",
            H2.hello + H2.headers(1, H2.request("Deaf"))
                + (0..<100).flatMap { _ in H2.data(1, H2.message(Array(repeating: 0, count: 16_000))) }
        ),
    ]

    @Test(arguments: wrong)
    func endsTheConnection(_ wrong: Wrong) async throws {
        var limits = RPCServerLimits()
        // These end a connection that waits for more bytes.
        limits.handshakeTimeout = .seconds(1)
        limits.idleTimeout = .seconds(1)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            try await connection.send(wrong.bytes)
            try await connection.awaitEnd()
        }
    }

    /// The bytes of an honest client, cut at each byte; then the client disconnects.
    @Test func cutAnywhere() async throws {
        let call = H2.hello + H2.headers(1, H2.request("Unary")) + H2.data(1, H2.message([1, 2, 3]), end: true)
        try await underAttack { address in
            for count in 0..<call.count {
                let connection = try RawConnection(to: address)
                try await connection.send(Array(call.prefix(count)))
                connection.close()
            }
        }
    }

    /// From fixed seeds: frames of any type, flags, stream and payload.
    @Test func randomFrames() async throws {
        try await underAttack { address in
            for seed in 1...100 as ClosedRange<UInt64> {
                var random = SplitMix64(seed: seed)
                var bytes = H2.hello
                for _ in 0..<50 {
                    let payload = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    bytes += H2.frame(
                        UInt8(random.next() % 12),
                        flags: UInt8(truncatingIfNeeded: random.next()),
                        stream: UInt32(random.next() % 8),
                        payload
                    )
                }
                let connection = try RawConnection(to: address)
                try await connection.send(bytes)
                connection.receiveNow()
            }
        }
    }
}
