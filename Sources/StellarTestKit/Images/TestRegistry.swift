import FoundationEssentials

/// Debian's docker-registry, on a free port of 127.0.0.1 or in another network namespace. Its storage is removed with it.
public struct TestRegistry: Sendable {
    /// How clients authenticate.
    public enum Authentication: Sendable, Hashable {
        case none
        /// ``user`` and ``password``.
        case basic
    }

    /// `127.0.0.1:PORT`, the first part of an image's name.
    public let host: String
    /// `http://` or `https://` and the host.
    public let url: String
    public let authentication: Authentication
    /// The file of the certificate authority (PEM); nil without TLS.
    public let authority: String?
    /// The folder of its blobs, which a test may damage.
    public let storage: String
    /// The command prefix (`nsenter`) that runs a program in the registry's network namespace; empty for this one.
    let wrapper: [String]
    private let server: BackgroundProcess

    public static let user = "stellar"
    public static let password = "sesame"
    /// bcrypt of ``password``, the only hash that docker-registry supports.
    private static let passwordHash = "$2y$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O"

    /// Starts a registry, waits until it responds, and stops it when `body` leaves.
    ///
    /// - Parameters:
    ///   - tls: whether it has a certificate for 127.0.0.1, from a new authority.
    ///   - port: 0 for a free one.
    public static func with<R: Sendable>(
        authentication: Authentication = .none,
        tls: Bool = false,
        port: UInt16 = 0,
        _ body: (TestRegistry) async throws -> R
    ) async throws -> R {
        try await TemporaryDirectory.with { directory in
            let port = port == 0 ? try LoopbackPort.free() : port
            let registry = try await start(
                in: directory,
                at: "127.0.0.1:\(port)",
                authentication: authentication,
                tls: tls
            )
            defer { registry.server.kill() }
            return try await body(registry)
        }
    }

    /// Starts a registry that stops with the last copy of the value, and waits until it responds.
    ///
    /// - Parameters:
    ///   - directory: for its files.
    ///   - host: the address for clients.
    ///   - address: the address to listen on; nil for `host`.
    ///   - wrapper: the command prefix that runs a program in the network namespace of that address.
    static func start(
        in directory: String,
        at host: String,
        listening address: String? = nil,
        wrapper: [String] = [],
        authentication: Authentication = .none,
        tls: Bool = false
    ) async throws -> TestRegistry {
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
              addr: \(address ?? host)

            """
        if tls {
            let files = try await TestAuthority(directory: directory)
            let server = try await files.issue("registry", names: ["IP:127.0.0.1", "DNS:localhost"], for: .server)
            configuration += "  tls: {certificate: \(server.certificate), key: \(server.key)}\n"
            authority = files.certificate
        }
        if authentication == .basic {
            try TemporaryDirectory.write("\(user):\(passwordHash)\n".utf8, to: "\(directory)/htpasswd")
            configuration += "auth: {htpasswd: {realm: test, path: \(directory)/htpasswd}}\n"
        }
        try TemporaryDirectory.write(configuration.utf8, to: "\(directory)/config.yml")
        let command = wrapper + ["docker-registry", "serve", "\(directory)/config.yml"]
        // It logs an error for each request of a missing blob: into a file, not into the test's output.
        let log = "\(directory)/log"
        let registry = TestRegistry(
            host: host,
            url: "\(tls ? "https" : "http")://\(host)",
            authentication: authentication,
            authority: authority,
            storage: storage,
            wrapper: wrapper,
            server: try BackgroundProcess(command[0], Array(command.dropFirst()), log: log)
        )
        try await eventually("a registry responds at \(host)") { () -> Bool? in
            if let status = registry.server.status {
                throw FileFailure(path: "docker-registry, see \(log)", operation: "run", number: status)
            }
            let result = try await registry.curl(["--insecure", "--output", "/dev/null", "\(registry.url)/v2/"])
            return result.status == 0 ? true : nil
        }
        return registry
    }

    /// Runs curl in the network namespace of the registry.
    func curl(_ arguments: [String]) async throws -> ChildProcess.Result {
        let command = wrapper + ["curl", "--silent", "--show-error", "--noproxy", "*"] + arguments
        return try await ChildProcess.run(command[0], Array(command.dropFirst()))
    }

    /// A docker `config.json` with the credentials of this registry.
    public func dockerConfig(password: String = TestRegistry.password) -> String {
        let auth = Data("\(Self.user):\(password)".utf8).base64EncodedString()
        return #"{"auths":{"\#(host)":{"auth":"\#(auth)"}}}"#
    }
}
