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
        if key != nil, cert == nil {
            throw Failure("--key needs the certificate it belongs to; give it with --cert")
        }
        self.address = address
        guard cert != nil || ca != nil || skipVerify else {
            self.tls = nil
            return
        }
        var tls = RPCTLSConfiguration.Client()
        tls.skipVerification = skipVerify
        if let cert {
            if let key {
                tls.identity = .init(certificateChainFile: cert, privateKeyFile: key)
            } else if ca != nil {
                throw Failure("--cert next to --ca is the client's own; give its key with --key")
            } else {
                tls.trustRoots = .file(cert)
            }
        }
        if let ca { tls.trustRoots = .file(ca) }
        self.tls = tls
    }

    /// A host without a port.
    private static func withDefaultPort(_ host: String) -> RPCAddress? {
        host.isEmpty || host.contains("/") ? nil : RPCAddress("\(host):\(defaultPort)")
    }
}
