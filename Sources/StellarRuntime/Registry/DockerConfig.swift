package import FoundationEssentials

/// Credentials for one registry.
package enum Credentials: Sendable, Hashable {
    case none
    case basic(user: String, password: String)
    /// A refresh token, from which the registry's token server makes access tokens.
    case identityToken(String)
    /// An access token, sent as it is.
    case registryToken(String)
}

/// Docker's `config.json`: the credentials that `docker login` wrote.
package struct DockerConfig: Sendable, Hashable {
    package struct Entry: Sendable, Hashable, Decodable {
        /// base64 of `user:password`.
        package var auth: String?
        package var username: String?
        package var password: String?
        package var identitytoken: String?
        package var registrytoken: String?
    }

    /// Where the file is, for messages.
    package let file: String
    private let auths: [String: Entry]
    private let credHelpers: [String: String]
    private let credsStore: String?

    private struct Raw: Decodable {
        var auths: [String: Entry]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    /// - Throws: ``ImageError`` (invalid) that names the file and the field.
    package init(parsing bytes: Data, file: String) throws(ImageError) {
        let raw: Raw
        do {
            raw = try JSONDecoder().decode(Raw.self, from: bytes)
        } catch {
            throw ImageError(.invalid, "\(file): \(ManifestDocument.explain(error))")
        }
        self.file = file
        auths = raw.auths ?? [:]
        credHelpers = raw.credHelpers ?? [:]
        credsStore = raw.credsStore
    }

    /// What the file says of `host` (`docker.io`, `registry.example:5000`).
    ///
    /// - Returns: `.none` where it says nothing.
    /// - Throws: ``ImageError`` (invalid) where an entry cannot be read.
    package func credentials(for host: String) throws(ImageError) -> Credentials {
        for key in auths.keys.sorted() where Self.matches(key, host: host) {
            guard let entry = auths[key] else { continue }
            if let token = entry.identitytoken, !token.isEmpty { return .identityToken(token) }
            if let token = entry.registrytoken, !token.isEmpty { return .registryToken(token) }
            if let auth = entry.auth, !auth.isEmpty {
                guard let bytes = Data(base64Encoded: auth), let text = String(bytes: bytes, encoding: .utf8),
                    let colon = text.firstIndex(of: ":")
                else { throw ImageError(.invalid, "\(file): auths[\"\(key)\"].auth is not base64 of user:password") }
                // docker pads the password with zero bytes.
                let password = text[text.index(after: colon)...].filter { $0 != "\0" }
                return .basic(user: String(text[..<colon]), password: String(password))
            }
            if let user = entry.username, !user.isEmpty { return .basic(user: user, password: entry.password ?? "") }
        }
        return .none
    }

    /// The credential helper that holds the credentials for `host` outside of the file; they are not run here.
    package func helper(for host: String) -> String? {
        for (key, helper) in credHelpers.sorted(by: { $0.key < $1.key }) where Self.matches(key, host: host) {
            return helper
        }
        return credsStore.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Keys are hosts, or addresses as docker wrote them in its first years (`https://index.docker.io/v1/`).
    private static func matches(_ key: String, host: String) -> Bool {
        var bare = Substring(key)
        for scheme in ["https://", "http://"] where bare.hasPrefix(scheme) { bare = bare.dropFirst(scheme.count) }
        bare = bare.prefix { $0 != "/" }
        let dockerHub: Set<Substring> = ["docker.io", "index.docker.io", "registry-1.docker.io"]
        return bare == host || (dockerHub.contains(bare) && dockerHub.contains(Substring(host)))
    }

    /// Where docker's configuration is looked for: the paths given, `$DOCKER_CONFIG`, and the user's home.
    package static func defaultPaths(environment: [String: String]) -> [String] {
        if let folder = environment["DOCKER_CONFIG"], !folder.isEmpty { return ["\(folder)/config.json"] }
        guard let home = environment["HOME"], !home.isEmpty else { return ["/root/.docker/config.json"] }
        return ["\(home)/.docker/config.json"]
    }
}
