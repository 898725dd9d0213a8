import StellarRPC
import Testing

@testable import sctl

@Suite("The daemon's address")
struct DaemonEndpointTests {
    private func endpoint(
        _ address: String = "h:1",
        cert: String? = nil,
        key: String? = nil,
        ca: String? = nil,
        skipVerify: Bool = false
    ) throws -> DaemonEndpoint {
        try DaemonEndpoint(address: address, cert: cert, key: key, ca: ca, skipVerify: skipVerify)
    }

    @Test(
        "Host and port, host alone, IPv6, unix",
        arguments: [
            ("10.0.1.33:9000", RPCAddress.tcp(host: "10.0.1.33", port: 9000)),
            ("node-1", .tcp(host: "node-1", port: 9000)),
            ("[::1]:77", .tcp(host: "::1", port: 77)),
            ("unix:///run/stellar/stellar.sock", .unix(path: "/run/stellar/stellar.sock")),
        ]
    )
    func addresses(_ text: String, _ address: RPCAddress) throws {
        #expect(try endpoint(text).address == address)
    }

    @Test("Invalid addresses are refused", arguments: ["", "unix://", "h:99999", ":9000:9000"])
    func refused(_ text: String) {
        #expect(throws: Failure.self) { try endpoint(text) }
    }

    @Test("Without TLS options it is plaintext")
    func plaintext() throws {
        #expect(try endpoint().tls == nil)
    }

    @Test("--cert alone verifies the daemon")
    func certAlone() throws {
        let tls = try #require(try endpoint(cert: "ca.pem").tls)
        #expect(tls.trustRoots == .file("ca.pem"))
        #expect(tls.identity == nil)
        #expect(!tls.skipVerification)
    }

    @Test("--cert and --key are the client's own, with the system's roots")
    func identity() throws {
        let tls = try #require(try endpoint(cert: "c.pem", key: "k.pem").tls)
        #expect(tls.trustRoots == .system)
        #expect(tls.identity == .init(certificateChainFile: "c.pem", privateKeyFile: "k.pem"))
    }

    @Test("--skip-verify works with and without a certificate")
    func skipVerify() throws {
        #expect(try endpoint(skipVerify: true).tls?.skipVerification == true)
        #expect(try endpoint(cert: "c", key: "k", skipVerify: true).tls?.skipVerification == true)
    }

    @Test("--ca goes with a client's own certificate, not with half of one")
    func authority() throws {
        #expect(try endpoint(cert: "c", key: "k", ca: "ca").tls?.trustRoots == .file("ca"))
        #expect(throws: Failure.self) { try endpoint(cert: "c", ca: "ca") }
        #expect(throws: Failure.self) { try endpoint(key: "k") }
    }
}
