/// A certificate authority made with the openssl command, in a directory of the test.
public struct TestAuthority: Sendable {
    /// The use of a certificate.
    public enum Usage: String, Sendable {
        case server = "serverAuth"
        case client = "clientAuth"
        /// Both: a node serves its peers and calls them.
        case node = "serverAuth,clientAuth"
    }

    /// The files of one certificate.
    public struct Issued: Sendable, Hashable {
        public var certificate: String
        public var key: String
    }

    public let directory: String
    public let name: String

    /// The authority's own certificate.
    public var certificate: String { "\(directory)/\(name).pem" }
    private var key: String { "\(directory)/\(name).key" }
    private var configuration: String { "\(directory)/\(name).cnf" }

    public init(directory: String, name: String = "ca") async throws {
        self.directory = directory
        self.name = name
        // Without this file, openssl adds the distribution's extensions to each certificate.
        try TemporaryDirectory.write("[req]\ndistinguished_name=dn\n[dn]\n".utf8, to: configuration)
        try await request(
            "/CN=Test authority \(name)",
            extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
            signer: [],
            key: key,
            certificate: certificate
        )
    }

    /// Issues a certificate of this authority.
    /// - Parameters:
    ///   - names: subject alternative names as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`, `URI:…`.
    ///   - file: the name of the files, without `.pem` and `.key`.
    ///   - expired: valid until yesterday.
    public func issue(
        _ commonName: String,
        names: [String] = [],
        for usage: Usage,
        file: String? = nil,
        expired: Bool = false
    ) async throws -> Issued {
        let base = "\(directory)/\(file ?? commonName)"
        var extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=\(usage.rawValue)"]
        if !names.isEmpty { extensions.append("subjectAltName=\(names.joined(separator: ","))") }
        let issued = Issued(certificate: "\(base).pem", key: "\(base).key")
        try await request(
            "/O=Stellar/CN=\(commonName)",
            extensions: extensions,
            signer: ["-CA", certificate, "-CAkey", key],
            key: issued.key,
            certificate: issued.certificate
        )
        if expired {
            let request = "\(base).csr"
            let keep = ["-copy_extensions", "copyall"]
            try await ChildProcess.check(
                "openssl",
                ["x509", "-x509toreq", "-in", issued.certificate, "-signkey", issued.key, "-out", request] + keep
            )
            try await ChildProcess.check(
                "openssl",
                ["x509", "-req", "-in", request, "-out", issued.certificate, "-days", "-1", "-CA", certificate]
                    + ["-CAkey", key, "-CAcreateserial"] + keep
            )
        }
        return issued
    }

    private func request(
        _ subject: String,
        extensions: [String],
        signer: [String],
        key: String,
        certificate: String
    ) async throws {
        try await ChildProcess.check(
            "openssl",
            ["req", "-x509", "-config", configuration, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
                + ["-nodes", "-utf8", "-days", "30", "-subj", subject, "-keyout", key, "-out", certificate] + signer
                + extensions.flatMap { ["-addext", $0] }
        )
    }
}
