import FoundationEssentials
import StellarCore
import StellarSystem

/// The authorization to read one repository: the credentials that were found, and the header that the server accepted.
///
/// A token is requested only after the registry demands one, and is used for that server until it refuses the token. So
/// a credential helper runs only for a registry that requires credentials.
actor RegistryAuthority {
    private let registry: String
    private let configs: [DockerConfig]
    private let lookedIn: [String]
    private let scope: String
    private let environment: [String: String]
    private let http: CurlClient
    private var headers: [String: String] = [:]
    private var found: [String: Found] = [:]
    /// Concurrent refused requests wait for one new header.
    private let renewing = KeyedLock<String>()

    /// The largest response of a token server; tokens have a few kilobytes.
    private static let maximumResponse = 1 << 20

    /// The result of the search for a host's credentials.
    private struct Found {
        var credentials = Credentials.none
        /// The source of the credentials, for messages.
        var giver = ""
        /// The failures of helpers.
        var failures: [String] = []
        /// Helpers without credentials for the host.
        var empty: [String] = []
    }

    /// - Parameter environment: the environment of credential helpers.
    init(
        reference: ImageReference,
        configs: [DockerConfig],
        lookedIn: [String],
        environment: [String: String],
        http: CurlClient
    ) {
        registry = reference.domain
        scope = "repository:\(reference.path):pull"
        self.configs = configs
        self.lookedIn = lookedIn
        self.environment = environment
        self.http = http
    }

    /// The `Authorization` header for `endpoint`; nil until the server has required one.
    func header(for endpoint: RegistryEndpoint) -> String? {
        headers[endpoint.base]
    }

    /// Handles a 401: makes a new header from the server's challenges.
    ///
    /// - Parameter refused: the header that the server did not accept; another task may have renewed it since.
    /// - Returns: false if there is nothing else to try.
    func renew(
        _ challenges: [AuthChallenge],
        from endpoint: RegistryEndpoint,
        refused: String?,
        template: HTTPRequest
    ) async throws -> Bool {
        try await renewing.withLock(endpoint.base) {
            if let known = headers[endpoint.base], known != refused { return true }
            headers[endpoint.base] = nil
            let credentials = try await credentials(for: endpoint)
            var made: String?
            for challenge in challenges where made == nil {
                switch (challenge.scheme, credentials) {
                case ("bearer", .registryToken(let token)): made = "Bearer \(token)"
                case ("bearer", _):
                    made = "Bearer " + (try await token(challenge, credentials, from: endpoint, template: template))
                case ("basic", .basic(let user, let password)): made = Self.basic(user, password)
                default: continue
                }
            }
            guard let made, made != refused else { return false }
            headers[endpoint.base] = made
            return true
        }
    }

    /// Why the registry refuses, and the places that were searched for credentials: the end of a message.
    func explanation(for endpoint: RegistryEndpoint) -> String {
        let host = host(of: endpoint)
        let found = found[host] ?? Found()
        if found.credentials != .none { return "it does not accept the credentials of \(found.giver)" }
        if !found.failures.isEmpty { return found.failures.joined(separator: "; ") }
        let places = lookedIn + found.empty.map { "'\($0)'" }
        return "there are no credentials for \(host) (looked in "
            + (places.isEmpty ? "no file" : places.joined(separator: ", "))
            + "); run 'docker login \(host)' or add them there"
    }

    private func host(of endpoint: RegistryEndpoint) -> String {
        endpoint.namespace == nil ? registry : endpoint.authority
    }

    /// The first credentials found. A failed helper is skipped, as the image may be public; its failure is reported if
    /// the registry refuses.
    private func credentials(for endpoint: RegistryEndpoint) async throws -> Credentials {
        let host = host(of: endpoint)
        if let known = found[host] { return known.credentials }
        var found = Found()
        search: for config in configs {
            for source in try config.sources(for: host) {
                switch source {
                case .entry(let credentials):
                    found.credentials = credentials
                    found.giver = config.file
                case .helper(let helper, let server):
                    do {
                        found.credentials = try await helper.credentials(for: server, environment: environment)
                        found.giver = "the credential helper '\(helper.program)' of \(config.file)"
                        if found.credentials == .none { found.empty.append(helper.program) }
                    } catch let failure as CredentialHelper.Failure {
                        found.failures.append(failure.message)
                    }
                }
                if found.credentials != .none { break search }
            }
        }
        self.found[host] = found
        return found.credentials
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    private struct Response: Decodable {
        var token: String?
        var access_token: String?
    }

    /// The token in a token server's response; nil if the response has no token, or one that a header cannot hold.
    static func token(in body: Data) -> String? {
        guard let response = try? JSONDecoder().decode(Response.self, from: body) else { return nil }
        let token = [response.token, response.access_token].compactMap { $0 }.first { !$0.isEmpty }
        return token.flatMap { $0.utf8.allSatisfy { $0 > 32 && $0 < 127 } ? $0 : nil }
    }

    /// Requests a token from the token server (distribution project, "Token Authentication" and "OAuth2").
    private func token(
        _ challenge: AuthChallenge,
        _ credentials: Credentials,
        from endpoint: RegistryEndpoint,
        template: HTTPRequest
    ) async throws -> String {
        guard let realm = challenge.parameters["realm"], let server = URLParts(realm) else {
            throw ImageError(
                .unavailable,
                "registry \(endpoint.authority) requires a token but sends no usable 'realm' in WWW-Authenticate"
            )
        }
        var query: [(String, String)] = []
        if let service = challenge.parameters["service"] { query.append(("service", service)) }
        query.append(("scope", challenge.parameters["scope"] ?? scope))
        var request = HTTPRequest(.get, server.text, timeouts: template.timeouts)
        // A token server on the registry's host has the registry's TLS settings.
        if let own = URLParts(endpoint.base), own.isSameOrigin(as: server) { request.tls = template.tls }
        switch credentials {
        case .identityToken(let token):
            query += [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "stellar")]
            request.method = .post
            request.headers.append(HTTPHeader("Content-Type", "application/x-www-form-urlencoded"))
            request.body = Data(Self.form(query).utf8)
        case .basic(let user, let password):
            query.insert(("account", user), at: 0)
            request.headers.append(HTTPHeader("Authorization", Self.basic(user, password)))
            fallthrough
        default:
            request.url += (request.url.contains("?") ? "&" : "?") + Self.form(query)
        }
        let (head, body): (HTTPHead, Data)
        do {
            (head, body) = try await http.response(request, limit: Self.maximumResponse)
        } catch let failure as HTTPFailure {
            throw ImageError(.unavailable, "token server \(server.host) of registry \(endpoint.authority): \(failure)")
        }
        guard head.status == 200 else {
            let kind: ImageError.Kind = [400, 401, 403].contains(head.status) ? .unauthorized : .unavailable
            throw ImageError(
                kind,
                "token server \(server.host) of registry \(endpoint.authority) returned \(head.status): "
                    + explanation(for: endpoint)
            )
        }
        guard let token = Self.token(in: body) else {
            throw ImageError(
                .unavailable,
                "token server \(server.host) of registry \(endpoint.authority) returned no token"
            )
        }
        return token
    }

    /// application/x-www-form-urlencoded, with every byte escaped except RFC 3986's unreserved ones.
    private static func form(_ fields: [(String, String)]) -> String {
        func escape(_ text: String) -> String {
            let digits = Array("0123456789ABCDEF")
            return text.utf8.reduce(into: "") { result, byte in
                let character = Character(Unicode.Scalar(byte))
                if byte < 128, character.isLetter || character.isNumber || "-._~".contains(character) {
                    result.append(character)
                } else {
                    result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
                }
            }
        }
        return fields.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&")
    }
}
