import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// Rules of RFC 9113 and of gRPC's PROTOCOL-HTTP2 that a server follows, on a real socket.
@Suite(.timeLimit(.minutes(10))) struct ServerRulesTests {
    /// A call on stream 1, and the `grpc-status` that it ends with.
    struct Call: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var status: String

        init(_ name: String, _ bytes: [UInt8], _ status: String) {
            testDescription = name
            self.bytes = bytes
            self.status = status
        }

        init(_ name: String, _ fields: [(String, String)], without: Set<String> = [], _ status: String) {
            let block = H2.request("Unary", fields, without: without)
            self.init(name, H2.headers(1, block) + H2.data(1, H2.message([1]), end: true), status)
        }
    }

    static let calls: [Call] = [
        Call("a deadline of zero has passed", [("grpc-timeout", "0n")], "4"),
        Call("a deadline in 11 000 years has not", [("grpc-timeout", "99999999H")], "0"),
        Call("the encoding identity is served", [("grpc-encoding", "identity")], "0"),
        Call(
            "a content type with a format is served",
            [("content-type", "application/grpc+proto")],
            without: ["content-type"],
            "0"
        ),
        Call(
            "request trailers end the request",
            H2.headers(1, H2.request("Unary")) + H2.data(1, H2.message([1]))
                + H2.headers(1, H2.field("x-checksum", "1"), end: true),
            "0"
        ),
        Call(
            "padding is no part of a message",
            H2.headers(1, H2.request("Unary"))
                + H2.frame(0, flags: 9, stream: 1, [3] + H2.message([1]) + [0, 0, 0]),
            "0"
        ),
        Call(
            "unknown frames, settings and flags are ignored (sections 4.1, 5.5 and 6.5.2)",
            H2.frame(0x77, flags: 0xff, [1, 2, 3]) + H2.frame(4, [0x77, 0x77, 0, 0, 0, 1])
                + H2.headers(1, H2.request("Unary")) + H2.frame(0, flags: 0xf1, stream: 1, H2.message([1])),
            "0"
        ),
    ]

    @Test(arguments: calls)
    func endsTheCallWith(_ call: Call) async throws {
        try await withServer([InteropService().service]) { _, address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello + call.bytes)
            try await connection.awaitFrame("the end of the call") { $0.stream == 1 && ($0.endsStream || $0.type == 3) }
            #expect(H2.fields(of: 1, in: connection.frames)["grpc-status"] == call.status)
            #expect(connection.goAway == nil)
        }
    }

    @Test(arguments: ["/x", "x", "/", "//", "/a/", "*"])
    func aPathThatIsNotServiceAndMethodIsUnimplemented(path: String) {
        let error = #expect(throws: RPCError.self) { try MethodTable([InteropService().service]).find(path) }
        #expect(error?.code == .unimplemented)
    }

    /// A malformed request is a stream error (RFC 9113 section 8.1.1): RST_STREAM, and the connection goes on.
    struct Malformed: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var code: UInt32

        init(_ name: String, _ bytes: [UInt8], code: UInt32 = 1) {
            testDescription = name
            self.bytes = bytes
            self.code = code
        }
    }

    static let malformed: [Malformed] = [
        Malformed("a name in upper case (8.2.1)", H2.headers(1, H2.request("Unary", [("X-A", "b")]))),
        Malformed("a connection-specific field (8.2.2)", H2.headers(1, H2.request("Unary", [("connection", "close")]))),
        Malformed(
            "te other than trailers (8.2.2)",
            H2.headers(1, H2.request("Unary", [("te", "gzip")], without: ["te"]))
        ),
        Malformed("no :path (8.3.1)", H2.headers(1, H2.request("Unary", without: [":path"]))),
        Malformed("two :method (8.3.1)", H2.headers(1, H2.field(":method", "POST") + H2.request("Unary"))),
        Malformed("a pseudo-header field after others (8.3)", H2.headers(1, H2.request("Unary", [(":path", "/")]))),
        Malformed("an unknown pseudo-header field (8.3)", H2.headers(1, H2.field(":x", "1") + H2.request("Unary"))),
        Malformed(
            "more data than content-length (8.1.1)",
            H2.headers(1, H2.request("Unary", [("content-length", "1")])) + H2.data(1, H2.message([1]), end: true)
        ),
        Malformed(
            "trailers without END_STREAM (8.1)",
            H2.headers(1, H2.request("Bidirectional")) + H2.headers(1, H2.field("a", "b"))
        ),
        Malformed(
            "a window over 2^31-1 (6.9.1)",
            H2.headers(1, H2.request("Bidirectional")) + H2.frame(8, stream: 1, [0x7f, 0xff, 0xff, 0xff]),
            code: 3
        ),
    ]

    @Test(arguments: malformed)
    func resetsTheStream(_ malformed: Malformed) async throws {
        try await withServer([InteropService().service]) { _, address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello + malformed.bytes)
            let reset = try await connection.awaitFrame("RST_STREAM") { $0.type == 3 && $0.stream == 1 }
            #expect(reset.payload == H2.bigEndian(malformed.code))
            // The next call is served.
            try await connection.send(H2.headers(3, H2.request("Unary")) + H2.data(3, H2.message([1]), end: true))
            try await connection.awaitFrame("the response") { $0.stream == 3 && $0.endsStream }
            #expect(connection.goAway == nil)
        }
    }

    /// RFC 9113 section 5.1: a stream that its client has ended takes no more DATA or HEADERS.
    @Test(arguments: [H2.data(1, [1]), H2.headers(1, H2.field("a", "b"), end: true)])
    func framesAfterEndStreamEndTheConnection(late: [UInt8]) async throws {
        try await withServer([InteropService().service]) { _, address in
            let connection = try RawConnection(to: address)
            let call = H2.headers(1, H2.request("Wait")) + H2.data(1, H2.message([]), end: true)
            try await connection.send(H2.hello + call + late)
            try await connection.awaitEnd()
            #expect(connection.goAway?.code == 5, "STREAM_CLOSED")
        }
    }

    /// RFC 9113 section 5.1.1: numbers of streams rise; opening one closes all idle ones below it.
    @Test func aStreamBelowTheLastOneIsNotServed() async throws {
        try await withServer([InteropService().service]) { _, address in
            let connection = try RawConnection(to: address)
            func call(_ stream: UInt32) -> [UInt8] {
                H2.headers(stream, H2.request("Unary")) + H2.data(stream, H2.message([1]), end: true)
            }
            try await connection.send(H2.hello + call(5) + H2.headers(3, H2.request("Unary"), end: true) + call(7))
            try await connection.awaitFrame("the response or the end") {
                $0.stream == 7 && $0.endsStream || $0.type == 7
            }
            #expect(!connection.frames.contains { $0.stream == 3 && $0.type <= 1 })
        }
    }

    @Test func aPingIsAcknowledgedWithItsPayload() async throws {
        try await withServer([InteropService().service]) { _, address in
            let connection = try RawConnection(to: address)
            let payload: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
            try await connection.send(H2.hello + H2.frame(6, payload))
            let pong = try await connection.awaitFrame("the acknowledgement") { $0.type == 6 }
            #expect(pong == H2.Frame(type: 6, flags: 1, stream: 0, payload: payload))
        }
    }

    /// RFC 9113 section 6.8: the first GOAWAY refuses nothing, the second names the last stream that is served. The open call
    /// ends normally; a later stream is not served.
    @Test func shutdownServesTheOpenCallAndIgnoresLaterStreams() async throws {
        let server = RPCServer(services: [InteropService().service])
        let address = try await server.bind(.tcp(host: "127.0.0.1", port: 0))
        let connection = try RawConnection(to: address)
        try await connection.send(H2.hello + H2.headers(1, H2.request("Bidirectional")) + H2.data(1, H2.message([1])))
        try await connection.awaitFrame("the first response") { $0.stream == 1 && $0.type == 0 }
        let shutdown = Task { await server.shutdown(grace: .seconds(240)) }
        let first = try await connection.awaitFrame("the first GOAWAY") { $0.type == 7 }
        #expect(first.payload == H2.bigEndian(.max >> 1) + H2.bigEndian(0))
        let ping = try await connection.awaitFrame("the ping behind it") { $0.type == 6 }
        // A call that crossed the first GOAWAY is served.
        let crossing = H2.headers(3, H2.request("Unary")) + H2.data(3, H2.message([3]), end: true)
        try await connection.send(crossing + H2.frame(6, flags: 1, ping.payload))
        let second = try await connection.awaitFrame("the second GOAWAY") {
            $0.type == 7 && $0.payload != first.payload
        }
        #expect(second.payload == H2.bigEndian(3) + H2.bigEndian(0))
        let late = H2.headers(5, H2.request("Unary")) + H2.data(5, H2.message([5]), end: true)
        try await connection.send(late + H2.data(1, H2.message([2]), end: true))
        try await connection.awaitEnd()
        await shutdown.value
        #expect(H2.fields(of: 1, in: connection.frames)["grpc-status"] == "0")
        #expect(H2.fields(of: 3, in: connection.frames)["grpc-status"] == "0")
        #expect(!connection.frames.contains { $0.stream == 5 })
    }

    /// Peers limit header lists; a longer text would lose the status too.
    @Test func aLongStatusMessageIsCut() throws {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        _ = machine.receive(headers: StreamMachineTests.request, endStream: true)
        let effects = machine.finish(RPCError(.aborted, String(repeating: "ä", count: 5000)), trailers: [:])
        guard case .sendTrailersOnly(let fields)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        let message = try #require(fields.first { $0.name == "grpc-message" }).value
        #expect(PercentEncoding.decode(message).hasPrefix("ää"))
        #expect(PercentEncoding.decode(message).utf8.count <= ServerStreamMachine.maxStatusMessage + 6)
        #expect(message.utf8.count < 8 << 10)
    }
}
