import StellarAPI
import StellarRPC

/// The daemon that a command talks to, and how.
struct DaemonEndpoint: Equatable, CustomStringConvertible {
    static let defaultAddress = "127.0.0.1:9000"
    static let defaultPort = 9000

    let address: RPCAddress
    /// nil is plaintext.
    let tls: RPCTLSConfiguration.Client?

    var description: String { "\(address)" }

    /// Reads the global options.
    ///
    /// - Throws: `Failure` that names the option.
    init(address text: String, cert: String?, key: String?, ca: String?, skipVerify: Bool) throws {
        guard let address = RPCAddress(text) ?? Self.withDefaultPort(text) else {
            throw Failure("--addr \(text): not an address; give HOST:PORT or unix:///PATH")
        }
        self.address = address
        do throws(ClientTLS.Problem) {
            tls = try ClientTLS(certificate: cert, key: key, authorities: ca, skipVerification: skipVerify)
                .configuration()
        } catch {
            switch error {
            case .keyAlone: throw Failure("--key needs the certificate it belongs to; give it with --cert")
            case .keyMissing: throw Failure("--cert next to --ca is the client's own; give its key with --key")
            }
        }
    }

    /// A host without a port.
    private static func withDefaultPort(_ host: String) -> RPCAddress? {
        host.isEmpty || host.contains("/") ? nil : RPCAddress("\(host):\(defaultPort)")
    }
}
