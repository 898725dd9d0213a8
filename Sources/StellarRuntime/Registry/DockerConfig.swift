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

    /// The path of the file, for messages.
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

    /// A place that may have a registry's credentials.
    package enum Source: Sendable, Hashable {
        /// The file itself.
        case entry(Credentials)
        /// A helper, under this server's address.
        case helper(CredentialHelper, server: String)
    }

    /// The places that may have the credentials for `host` (`docker.io`, `registry.example:5000`), in search order: a
    /// helper for this registry, the file, the helper for all registries.
    ///
    /// - Throws: ``ImageError`` (invalid) for an undecodable entry.
    package func sources(for host: String) throws(ImageError) -> [Source] {
        let server = auths.keys.sorted().first { Self.matches($0, host: host) } ?? Self.server(host)
        var sources: [Source] = []
        for (key, name) in credHelpers.sorted(by: { $0.key < $1.key }) where Self.matches(key, host: host) {
            sources.append(.helper(CredentialHelper(name: name, file: file), server: server))
        }
        let entry = try credentials(for: host)
        if entry != .none { sources.append(.entry(entry)) }
        if let credsStore, !credsStore.isEmpty {
            sources.append(.helper(CredentialHelper(name: credsStore, file: file), server: server))
        }
        return sources
    }

    /// The credentials for `host` in the file itself.
    ///
    /// - Returns: `.none` if it has none.
    /// - Throws: ``ImageError`` (invalid) for an undecodable entry.
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

    /// The address under which docker saves the credentials of `host` in a helper.
    private static func server(_ host: String) -> String {
        host == "docker.io" ? "https://index.docker.io/v1/" : host
    }

    /// Whether a key of the file is for `host`. Keys are hosts, or addresses as early docker versions wrote them
    /// (`https://index.docker.io/v1/`).
    private static func matches(_ key: String, host: String) -> Bool {
        var bare = Substring(key)
        for scheme in ["https://", "http://"] where bare.hasPrefix(scheme) { bare = bare.dropFirst(scheme.count) }
        bare = bare.prefix { $0 != "/" }
        let dockerHub: Set<Substring> = ["docker.io", "index.docker.io", "registry-1.docker.io"]
        return bare == host || (dockerHub.contains(bare) && dockerHub.contains(Substring(host)))
    }

    /// The default path of docker's configuration: in `$DOCKER_CONFIG`, or else in the user's home.
    package static func defaultPaths(environment: [String: String]) -> [String] {
        if let folder = environment["DOCKER_CONFIG"], !folder.isEmpty { return ["\(folder)/config.json"] }
        guard let home = environment["HOME"], !home.isEmpty else { return ["/root/.docker/config.json"] }
        return ["\(home)/.docker/config.json"]
    }
}
