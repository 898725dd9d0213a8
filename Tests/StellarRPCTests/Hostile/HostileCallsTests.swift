import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// Well-formed HTTP/2 with wrong gRPC. The call fails with the matching status, and the connection stays open.
@Suite struct HostileCallsTests {
    struct Lie: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        /// `grpc-status`, or `:status` where the response is plain HTTP.
        var status: String
        var isHTTP = false

        init(_ name: String, _ bytes: [UInt8], grpc status: String) {
            testDescription = name
            self.bytes = bytes
            self.status = status
        }

        init(_ name: String, _ bytes: [UInt8], http status: String) {
            self.init(name, bytes, grpc: status)
            isHTTP = true
        }
    }

    private static func call(_ method: String, _ body: [UInt8], _ more: [(String, String)] = []) -> [UInt8] {
        H2.headers(1, H2.request(method, more)) + H2.data(1, body, end: true)
    }

    static let lies: [Lie] = [
        Lie("a message beyond the limit", call("Unary", H2.message([1], length: (16 << 20) + 1)), grpc: "8"),
        Lie("a message of 4 GiB", call("Unary", H2.message([1], length: .max)), grpc: "8"),
        Lie("a message of 4 GiB in a stream", call("Bidirectional", H2.message([1], length: .max)), grpc: "8"),
        Lie("a compressed message", call("Unary", H2.message([1], flag: 1)), grpc: "13"),
        Lie("a flag that is none", call("Unary", H2.message([1], flag: 77)), grpc: "13"),
        Lie("a message cut short", call("Unary", H2.message([1, 2], length: 100)), grpc: "13"),
        Lie("a prefix cut short", call("Unary", [0, 0, 0]), grpc: "13"),
        Lie("no message", call("Unary", []), grpc: "13"),
        Lie("two messages", call("Unary", H2.message([1]) + H2.message([2])), grpc: "13"),
        Lie("a message cut short in a stream", call("Bidirectional", H2.message([1], length: 2)), grpc: "13"),
        Lie("a timeout that is none", call("Unary", H2.message([1]), [("grpc-timeout", "soon")]), grpc: "13"),
        Lie("a timeout of nine digits", call("Unary", H2.message([1]), [("grpc-timeout", "123456789S")]), grpc: "13"),
        Lie("a -bin that is not base64", call("Unary", H2.message([1]), [("x-a-bin", "!!!")]), grpc: "13"),
        Lie("an unknown encoding", call("Unary", H2.message([1], flag: 1), [("grpc-encoding", "zap")]), grpc: "12"),
        Lie("no such method", call("None", H2.message([1])), grpc: "12"),
        Lie(
            "GET",
            H2.headers(
                1,
                H2.request("Unary", [(":method", "GET")], without: [":method", "content-type", "te"]).sortedPseudo,
                end: true
            ),
            http: "405"
        ),
        Lie(
            "no content-type",
            H2.headers(1, H2.request("Unary", without: ["content-type"]), end: true),
            http: "415"
        ),
        Lie(
            "a wrong content-type",
            H2.headers(1, H2.request("Unary", [("content-type", "text/html")], without: ["content-type"]), end: true),
            http: "415"
        ),
        Lie(
            "headers beyond the limit",
            H2.headers(1, H2.request("Unary", Array(repeating: ("x-a", "b"), count: 500)), end: true),
            grpc: "8"
        ),
    ]

    @Test(arguments: lies)
    func failsTheCallAlone(_ lie: Lie) async throws {
        try await underAttack { address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello + lie.bytes)
            try await connection.awaitFrame("the end of the call") { $0.stream == 1 && ($0.endsStream || $0.type == 3) }
            let fields = H2.fields(of: 1, in: connection.frames)
            #expect(fields[lie.isHTTP ? ":status" : "grpc-status"] == lie.status, "\(fields)")
            try await connection.send(H2.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]))
            try await connection.awaitFrame("the response to a ping") { $0.type == 6 && $0.flags == 1 }
            #expect(connection.ending == nil)
        }
    }
}

extension [UInt8] {
    /// The block with its last field first: pseudo-header fields come before the others (RFC 9113, section 8.3).
    fileprivate var sortedPseudo: [UInt8] { H2.field(":method", "GET") + dropLast(H2.field(":method", "GET").count) }
}
