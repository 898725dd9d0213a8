import StellarRPC
import StellarTestKit
import Testing

@Suite struct HeaderCodingTests {
    @Test(arguments: [
        ("1n", Duration.nanoseconds(1)), ("10u", .microseconds(10)), ("250m", .milliseconds(250)), ("3S", .seconds(3)),
        ("2M", .seconds(120)), ("1H", .seconds(3600)), ("99999999H", .seconds(359_999_996_400)), ("0S", .zero),
    ]) func timeoutIsRead(text: String, expected: Duration) {
        #expect(GRPCTimeout.parse(text) == expected)
    }

    @Test(arguments: ["", "S", "1", "1x", "-1S", "123456789S", "1 S", "+1S", "1.5S", "１S"])
    func timeoutIsRefused(text: String) {
        #expect(GRPCTimeout.parse(text) == nil)
    }

    @Test(arguments: [
        (Duration.nanoseconds(1), "1n"), (.seconds(-1), "0n"), (.zero, "0n"), (.milliseconds(1500), "1500000u"),
        (.seconds(1000), "1000000m"), (.nanoseconds(100_000_001), "100001u"), (.seconds(Int64.max), "99999999H"),
    ]) func timeoutIsWritten(timeout: Duration, expected: String) {
        #expect(GRPCTimeout.format(timeout) == expected)
    }

    @Test(arguments: 0..<64) func timeoutNeverShrinksOnTheWire(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let timeout = Duration.nanoseconds(
            Int64.random(in: 1...(Int64.max >> Int64.random(in: 0...50, using: &random)), using: &random)
        )
        let text = GRPCTimeout.format(timeout)
        let back = try #require(GRPCTimeout.parse(text))
        #expect(back >= timeout)
        #expect(back <= timeout * 1.001 + .nanoseconds(1))
    }

    @Test(arguments: [
        ("plain", "plain"), ("100 %", "100 %25"), ("ä\n", "%C3%A4%0A"), ("", ""), ("~", "~"), ("\u{7F}", "%7F"),
    ]) func percentEncoding(text: String, encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded) == text)
    }

    @Test(arguments: [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"), ("%ff", "\u{FFFD}"), ("%c3%a4", "ä")])
    func percentDecodingNeverFails(text: String, decoded: String) {
        #expect(PercentEncoding.decode(text) == decoded)
    }

    // RFC 4648 section 10, padding off.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ]) func base64(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        let padded = encoded + String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
        #expect(Base64.decode(padded) == Array(text.utf8))
    }

    @Test(arguments: ["Z", "Zg=", "Zg===", "Z!==", "Zm9vY", "====", "Zm 9"]) func base64Refused(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func metadataRoundTrip() throws {
        var metadata: RPCMetadata = ["Key": "text", "a": "1"]
        metadata.add("a", "2")
        metadata.add("raw-bin", binary: [0, 1, 255])
        var fields: [HTTP2Header] = []
        metadata.append(to: &fields)
        #expect(fields.map(\.name) == ["key", "a", "a", "raw-bin"])
        var back = RPCMetadata()
        for field in fields { try back.take(field) }
        #expect(back == metadata)
        #expect(back.strings("a") == ["1", "2"])
        #expect(back.binaries("raw-bin") == [[0, 1, 255]])
    }

    @Test func metadataThatCannotBeSent() {
        for (key, value) in [
            ("grpc-timeout", "1S"), ("a b", "x"), ("", "x"), ("x", "line\n"), ("te", "x"), ("x-bin", "text"),
            (":path", "/"),
        ] {
            let metadata: RPCMetadata = [key: value]
            #expect(metadata.unsendable == key)
            var fields: [HTTP2Header] = []
            metadata.append(to: &fields)
            #expect(fields == [])
        }
    }

    @Test func joinedBinaryValues() throws {
        var metadata = RPCMetadata()
        try metadata.take(HTTP2Header("x-bin", "AQ, Ag=="))
        #expect(metadata.binaries("x-bin") == [[1], [2]])
        #expect(throws: RPCError.self) { try metadata.take(HTTP2Header("x-bin", "!")) }
    }

    @Test(arguments: [
        ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc;x=y", true),
        ("application/grpc-web", false), ("application/json", false), ("", false),
    ]) func contentType(text: String, isGRPC: Bool) {
        #expect(RequestHead.isGRPC(contentType: text) == isGRPC)
    }

    @Test(arguments: [
        ("unix:///run/a.sock", RPCAddress.unix(path: "/run/a.sock")), ("/run/a.sock", .unix(path: "/run/a.sock")),
        ("unix:a", .unix(path: "a")), ("10.0.0.1:80", .tcp(host: "10.0.0.1", port: 80)),
        ("[::1]:80", .tcp(host: "::1", port: 80)), ("tcp://h:1", .tcp(host: "h", port: 1)),
    ]) func address(text: String, expected: RPCAddress) {
        #expect(RPCAddress(text) == expected)
    }

    @Test(arguments: ["", "unix:", "host", "host:", "host:65536", "::1:80", "host:-1"]) func addressRefused(
        text: String
    ) {
        #expect(RPCAddress(text) == nil)
    }
}
