import FoundationEssentials

/// Debian's docker-registry on a free port of 127.0.0.1, with storage of its own that ends with it.
public struct TestRegistry: Sendable {
    /// What the registry asks of its clients.
    public enum Authentication: Sendable, Hashable {
        case none
        /// ``user`` and ``password``.
        case basic
    }

    /// `127.0.0.1:PORT`, as it begins an image's name.
    public let host: String
    /// `http://` or `https://` and the host.
    public let url: String
    public let authentication: Authentication
    /// The authority to trust, PEM; nil without TLS.
    public let authority: String?
    /// Where its blobs are: a test may damage them.
    public let storage: String
    public let pid: Int32

    public static let user = "stellar"
    public static let password = "sesame"
    /// bcrypt of ``password``, the only hash that docker-registry reads.
    private static let passwordHash = "$2y$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O"

    /// Starts a registry, waits until it answers, and ends it when `body` leaves.
    ///
    /// - Parameters:
    ///   - tls: whether it has a certificate, for 127.0.0.1, of an authority made for it.
    ///   - port: 0 for a free one.
    public static func with<R: Sendable>(
        authentication: Authentication = .none,
        tls: Bool = false,
        port: UInt16 = 0,
        _ body: (TestRegistry) async throws -> R
    ) async throws -> R {
        try await TemporaryDirectory.with { directory in
            let port = port == 0 ? try LoopbackPort.free() : port
            let host = "127.0.0.1:\(port)"
            let storage = "\(directory)/storage"
            var authority: String?
            var configuration = """
                version: 0.1
                log: {level: error, accesslog: {disabled: true}}
                storage:
                  delete: {enabled: true}
                  cache: {blobdescriptor: inmemory}
                  filesystem: {rootdirectory: \(storage)}
                http:
                  addr: \(host)

                """
            if tls {
                let authorityFiles = try await TestAuthority(directory: directory)
                let server = try await authorityFiles.issue(
                    "registry",
                    names: ["IP:127.0.0.1", "DNS:localhost"],
                    for: .server
                )
                configuration += "  tls: {certificate: \(server.certificate), key: \(server.key)}\n"
                authority = authorityFiles.certificate
            }
            if authentication == .basic {
                try TemporaryDirectory.write("\(user):\(passwordHash)\n".utf8, to: "\(directory)/htpasswd")
                configuration += "auth: {htpasswd: {realm: test, path: \(directory)/htpasswd}}\n"
            }
            try TemporaryDirectory.write(configuration.utf8, to: "\(directory)/config.yml")
            let (url, trusted) = ("\(tls ? "https" : "http")://\(host)", authority)
            // It reports each blob that is asked for and not there as an error: into a file, not into the test's output.
            let script = #"exec docker-registry serve "$0/config.yml" 2> "$0/log""#
            return try await ChildProcess.with("sh", ["-c", script, directory]) { running in
                try await LoopbackPort.wait(for: port)
                let registry = TestRegistry(
                    host: host,
                    url: url,
                    authentication: authentication,
                    authority: trusted,
                    storage: storage,
                    pid: running.pid
                )
                return try await body(registry)
            }
        }
    }

    /// A docker `config.json` with the credentials of this registry.
    public func dockerConfig(password: String = TestRegistry.password) -> String {
        let auth = Data("\(Self.user):\(password)".utf8).base64EncodedString()
        return #"{"auths":{"\#(host)":{"auth":"\#(auth)"}}}"#
    }
}
