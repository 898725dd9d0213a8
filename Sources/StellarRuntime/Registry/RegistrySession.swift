package import FoundationEssentials
package import Logging
package import StellarCore

/// Reads one repository of a registry (OCI distribution specification, "Pull"), through its mirrors if it has any.
package struct RegistrySession: Sendable {
    package let reference: ImageReference
    private let endpoints: [RegistryEndpoint]
    private let authority: RegistryAuthority
    private let http: CurlClient
    private let timeouts: HTTPTimeouts
    private let retry: RetryPolicy
    private let logger: Logger

    /// Redirects of one request; browsers stop at 20, Go at 10.
    private static let maximumRedirects = 10
    /// Retries after 401: one for a first token, one for a token that expired meanwhile.
    private static let maximumChallenges = 2
    /// The most bytes of an error's body that are read for its message.
    private static let maximumErrorBody = 64 << 10

    /// Reads the configuration for the registry of `reference`.
    ///
    /// - Parameter environment: for docker's configuration (`DOCKER_CONFIG`, `HOME`) and its credential helpers.
    /// - Throws: ``ImageError`` (invalid) that names file and line.
    package init(
        reference: ImageReference,
        options: RegistryOptions,
        environment: [String: String],
        http: CurlClient,
        timeouts: HTTPTimeouts = HTTPTimeouts(),
        retry: RetryPolicy = RetryPolicy(),
        logger: Logger
    ) throws(ImageError) {
        let file = try RegistryFiles.hostsFile(for: reference.domain, directories: options.hostsDirectories)
        let paths = options.dockerConfigs ?? DockerConfig.defaultPaths(environment: environment)
        self.reference = reference
        endpoints = RegistryEndpoint.endpoints(for: reference.domain, file: file, plainHTTP: options.plainHTTP)
        authority = RegistryAuthority(
            reference: reference,
            configs: try RegistryFiles.dockerConfigs(paths),
            lookedIn: paths,
            environment: environment,
            http: http
        )
        self.http = http
        self.timeouts = timeouts
        self.retry = retry
        self.logger = logger
    }

    // MARK: Requests

    /// Resolves the reference: digest, media type and size of its current manifest or index.
    package func resolve() async throws -> Descriptor {
        let path = "manifests/" + (reference.digest ?? reference.tag ?? "latest")
        let accept = MediaType.acceptedManifests.map { HTTPHeader("Accept", $0) }
        return try await fromFirst(.resolve, "image \(reference)") { endpoint in
            let head = try await request(endpoint, .head, path, headers: accept) { head, _ in head }
            if let found = try descriptor(head, digest: head["Docker-Content-Digest"], size: head.contentLength) {
                return found
            }
            // If the server does not send the manifest's digest, compute it from the manifest.
            return try await request(endpoint, .get, path, headers: accept) { head, transfer in
                let bytes = try await transfer.collect(limit: ManifestDocument.maximumSize)
                let digest = ContentDigest.sha256(bytes).description
                guard let found = try descriptor(head, digest: digest, size: Int64(bytes.count)) else {
                    throw ImageError(.unavailable, "registry \(endpoint.authority) sends no manifest for \(reference)")
                }
                return found
            }
        }
    }

    /// The bytes of a manifest or an index, verified by digest.
    package func manifest(_ descriptor: Descriptor) async throws -> Data {
        let accept = ([descriptor.mediaType] + MediaType.acceptedManifests).map { HTTPHeader("Accept", $0) }
        return try await fromFirst(.pull, "manifest \(descriptor.digest) of image \(reference)") { endpoint in
            let path = "manifests/\(descriptor.digest)"
            let bytes = try await request(endpoint, .get, path, headers: accept) { _, transfer in
                try await transfer.collect(limit: ManifestDocument.maximumSize)
            }
            try verify(bytes, descriptor, what: "manifest", from: endpoint)
            return bytes
        }
    }

    /// The bytes of a small blob (a configuration), verified by digest.
    package func smallBlob(_ descriptor: Descriptor) async throws -> Data {
        try await fromFirst(.pull, "configuration \(descriptor.digest) of image \(reference)") { endpoint in
            let bytes = try await request(endpoint, .get, "blobs/\(descriptor.digest)") { _, transfer in
                try await transfer.collect(limit: Int(descriptor.size))
            }
            try verify(bytes, descriptor, what: "configuration", from: endpoint)
            return bytes
        }
    }

    /// Passes the bytes of a blob from `offset` on to `sink`, in order. A broken transfer resumes where it broke. The
    /// caller verifies the digest, as `sink` sees all bytes.
    ///
    /// - Parameter idle: called before each wait for the network, and at the end.
    package func blob(
        _ descriptor: Descriptor,
        from offset: Int64,
        idle: () -> Void = {},
        _ sink: (Data) async throws -> Void
    ) async throws {
        var position = offset
        try await fromFirst(.pull, "layer \(descriptor.digest) of image \(reference)") { endpoint in
            var attempt = 1
            var reconnects = 0
            while position < descriptor.size {
                let start = position
                do {
                    try await stream(descriptor, from: endpoint, position: &position, idle, sink)
                    if position < descriptor.size {
                        throw HTTPFailure(.broken, "the connection ended at byte \(position) of \(descriptor.size)")
                    }
                } catch let failure as HTTPFailure where failure.isTransient {
                    attempt = position > start ? 1 : attempt + 1
                    reconnects += 1
                    guard attempt <= retry.attempts, reconnects <= retry.reconnects else {
                        throw HTTPFailure(
                            failure.kind,
                            "\(failure) (at byte \(position) of \(descriptor.size), after \(reconnects) tries)"
                        )
                    }
                    logger.debug("layer \(descriptor.digest): \(failure); resuming at byte \(position)")
                    try await pause(before: attempt)
                }
            }
        }
    }

    private func stream(
        _ descriptor: Descriptor,
        from endpoint: RegistryEndpoint,
        position: inout Int64,
        _ idle: () -> Void,
        _ sink: (Data) async throws -> Void
    ) async throws {
        let start = position
        let range = start > 0 ? [HTTPHeader("Range", "bytes=\(start)-")] : []
        var reached = start
        defer {
            position = reached
            idle()
        }
        try await request(endpoint, .get, "blobs/\(descriptor.digest)", headers: range, isRetried: false) {
            head,
            transfer in
            // A server without ranges sends everything again; the bytes before `start` are skipped.
            var skip = start
            if head.status == 206 {
                guard let range = head.contentRange, range.first == start else {
                    throw ImageError(
                        .unavailable,
                        "registry \(endpoint.authority) sent another range of \(descriptor.digest) than requested"
                    )
                }
                skip = 0
            }
            let total = head.status == 206 ? head.contentRange?.total : head.contentLength
            if let total, total != descriptor.size { throw wrongSize(descriptor, total, endpoint) }
            while var chunk = try await transfer.next(idle: idle) {
                if skip > 0 {
                    let dropped = min(Int64(chunk.count), skip)
                    skip -= dropped
                    chunk = chunk.dropFirst(Int(dropped))
                }
                guard !chunk.isEmpty else { continue }
                guard reached + Int64(chunk.count) <= descriptor.size else {
                    throw wrongSize(descriptor, reached + Int64(chunk.count), endpoint)
                }
                try await sink(chunk)
                reached += Int64(chunk.count)
            }
        }
    }

    private func wrongSize(_ descriptor: Descriptor, _ size: Int64, _ endpoint: RegistryEndpoint) -> ImageError {
        ImageError(
            .corrupt,
            "layer \(descriptor.digest) of image \(reference) is corrupt: the manifest says \(descriptor.size) bytes, "
                + "registry \(endpoint.authority) sends \(size)"
        )
    }

    private func verify(
        _ bytes: Data,
        _ descriptor: Descriptor,
        what: String,
        from endpoint: RegistryEndpoint
    ) throws(ImageError) {
        func corrupt(_ expected: String, _ sent: String) -> ImageError {
            ImageError(
                .corrupt,
                "\(what) of image \(reference) is corrupt: expected \(expected), "
                    + "registry \(endpoint.authority) sent \(sent)"
            )
        }
        guard Int64(bytes.count) == descriptor.size else {
            throw corrupt("\(descriptor.size) bytes", "\(bytes.count)")
        }
        var hasher = ContentHasher(descriptor.digest.algorithm)
        hasher.update(bytes)
        let digest = hasher.finish()
        guard digest == descriptor.digest else { throw corrupt("\(descriptor.digest)", "\(digest)") }
    }

    private func descriptor(_ head: HTTPHead, digest: String?, size: Int64?) throws(ImageError) -> Descriptor? {
        guard let digest, let size, let mediaType = head["Content-Type"] else { return nil }
        let bare = String(mediaType.prefix { $0 != ";" && $0 != " " })
        if MediaType.kind(of: bare) == .schema1 {
            throw ImageError(
                .unsupported,
                "image \(reference) has a Docker schema 1 manifest, which is no longer supported; build and push it again"
            )
        }
        guard let digest = ContentDigest(digest), reference.digest == nil || reference.digest == digest.description
        else {
            throw ImageError(.corrupt, "image \(reference): the registry sent the invalid digest '\(digest)'")
        }
        return Descriptor(mediaType: bare, digest: digest, size: size)
    }

    // MARK: Transport

    /// Tries the servers with `capability` one after the other, until one succeeds.
    ///
    /// Reports the first failure that is not "not found".
    private func fromFirst<R>(
        _ capability: HostsFile.Capabilities,
        _ what: String,
        _ ask: (RegistryEndpoint) async throws -> R
    ) async throws -> R {
        var firstFailure: (any Error)?
        for endpoint in endpoints where endpoint.capabilities.contains(capability) {
            do {
                return try await ask(endpoint)
            } catch let error as ImageError {
                if firstFailure == nil || (firstFailure as? ImageError)?.kind == .notFound { firstFailure = error }
            } catch let failure as HTTPFailure {
                if firstFailure == nil || (firstFailure as? ImageError)?.kind == .notFound {
                    firstFailure = ImageError(
                        failure.kind == .tooLarge ? .tooLarge : .unavailable,
                        Self.explain(failure, endpoint, what)
                    )
                }
            }
            logger.debug(
                "\(what): \(endpoint.authority) failed: \(firstFailure.map(String.init(describing:)) ?? "")"
            )
        }
        throw firstFailure
            ?? ImageError(
                .invalid,
                "\(what): no host in the hosts.toml of \(reference.domain) has the capability needed"
            )
    }

    private static func explain(_ failure: HTTPFailure, _ endpoint: RegistryEndpoint, _ what: String) -> String {
        let place = "\(what): registry \(endpoint.authority)"
        switch failure.kind {
        case .unresolved: return "\(place) has no address: \(failure); check the name and the node's DNS"
        case .unreachable: return "\(place) cannot be reached: \(failure)"
        case .tls:
            return "\(place) is not trusted: \(failure); set its certificate authority ('ca') in its hosts.toml, "
                + "or configure it as a plain-HTTP registry"
        default: return "\(place): \(failure)"
        }
    }

    private func pause(before attempt: Int, retryAfter: Duration? = nil) async throws {
        var generator = SystemRandomNumberGenerator()
        try await Task.sleep(for: retry.delay(before: max(attempt - 1, 1), retryAfter: retryAfter, using: &generator))
    }

    /// The step after a response.
    private enum Step<R> {
        case done(R)
        case redirect(String)
        case authorize([AuthChallenge])
        case busy(HTTPFailure, after: Duration?)
    }

    /// Makes one request, with credentials, redirects, and retries while the server is busy.
    ///
    /// - Parameter isRetried: false if the caller resumes broken transfers itself.
    private func request<R>(
        _ endpoint: RegistryEndpoint,
        _ method: HTTPRequest.Method,
        _ path: String,
        headers: [HTTPHeader] = [],
        isRetried: Bool = true,
        _ read: (HTTPHead, HTTPTransfer) async throws -> R
    ) async throws -> R {
        let template = try template(endpoint, method, path, headers: headers)
        let home = URLParts(template.url)
        var url = template.url
        var redirects = 0
        var challenges = 0
        var attempt = 1
        while true {
            var request = template
            request.url = url
            let isHome = home.flatMap { home in URLParts(url).map { $0.isSameOrigin(as: home) } } ?? false
            let authorization = isHome ? await authority.header(for: endpoint) : nil
            if let authorization { request.headers.append(HTTPHeader("Authorization", authorization)) }
            if !isHome {
                // Another host gets neither the operator's headers nor the client's certificate.
                request.headers = headers
                request.tls = TLSSettings(authorities: template.tls.authorities, skipVerify: template.tls.skipVerify)
            }
            let step: Step<R>
            do {
                let mayAuthorize = isHome && challenges < Self.maximumChallenges
                step = try await http.withResponse(request) { head, transfer -> Step<R> in
                    if let step: Step<R> = try Self.step(after: head, mayAuthorize: mayAuthorize) { return step }
                    guard head.status == 200 || head.status == 206 else {
                        throw await refusal(head, transfer, endpoint, path)
                    }
                    return .done(try await read(head, transfer))
                }
            } catch let failure as HTTPFailure where failure.isTransient && isRetried {
                step = .busy(failure, after: nil)
            }
            switch step {
            case .done(let result): return result
            case .redirect(let location):
                redirects += 1
                guard redirects <= Self.maximumRedirects else {
                    throw HTTPFailure(.invalid, "it redirects more than \(Self.maximumRedirects) times")
                }
                guard let next = URLParts(location, relativeTo: url) else {
                    throw HTTPFailure(.invalid, "it redirects to '\(location)', which is not an http or https address")
                }
                url = next.text
            case .authorize(let offered):
                challenges += 1
                guard
                    try await authority.renew(offered, from: endpoint, refused: authorization, template: template)
                else { throw await unauthorized(endpoint, status: 401) }
                url = template.url
            case .busy(let failure, let after):
                attempt += 1
                guard attempt <= retry.attempts else {
                    throw HTTPFailure(isRetried ? failure.kind : .invalid, "\(failure) (tried \(retry.attempts) times)")
                }
                logger.debug("registry \(endpoint.authority): \(failure); retrying")
                try await pause(before: attempt, retryAfter: after)
                url = template.url
            }
        }
    }

    /// The step after a redirect, a 401 or a transient status; nil after any other response.
    private static func step<R>(after head: HTTPHead, mayAuthorize: Bool) throws -> Step<R>? {
        switch head.status {
        case 301, 302, 303, 307, 308:
            guard let location = head["Location"] else {
                throw HTTPFailure(.invalid, "it redirects without a location")
            }
            return .redirect(location)
        case 401 where mayAuthorize:
            return .authorize(head.values(of: "WWW-Authenticate").flatMap(AuthChallenge.parse))
        case let status where RetryPolicy.isTransient(status):
            let seconds = head["Retry-After"].flatMap { Int($0) }
            return .busy(
                HTTPFailure(.broken, "it returned \(status)"),
                after: seconds.map { .seconds(min(max($0, 0), 3600)) }
            )
        default: return nil
        }
    }

    private func template(
        _ endpoint: RegistryEndpoint,
        _ method: HTTPRequest.Method,
        _ path: String,
        headers: [HTTPHeader]
    ) throws(ImageError) -> HTTPRequest {
        var url = "\(endpoint.base)/\(reference.path)/\(path)"
        if let namespace = endpoint.namespace { url += "?ns=\(namespace)" }
        return HTTPRequest(
            method,
            url,
            headers: headers + endpoint.headers.map { HTTPHeader($0.name, $0.value) },
            tls: TLSSettings(
                authorities: try RegistryFiles.authorities(endpoint.authorities),
                certificate: endpoint.client?.certificate,
                key: endpoint.client?.key,
                skipVerify: endpoint.skipVerify
            ),
            timeouts: timeouts
        )
    }

    /// The body of a registry's error response (OCI distribution specification, "Error Codes").
    private struct Refusal: Decodable {
        var errors: [Reason]?

        struct Reason: Decodable {
            var code: String?
            var message: String?
        }
    }

    private func refusal(
        _ head: HTTPHead,
        _ transfer: HTTPTransfer,
        _ endpoint: RegistryEndpoint,
        _ path: String
    ) async -> any Error {
        switch head.status {
        case 401, 403: return await unauthorized(endpoint, status: head.status)
        case 404:
            let what =
                path.hasPrefix("blobs/") ? "layer \(path.dropFirst(6)) of image \(reference)" : "image \(reference)"
            return ImageError(
                .notFound,
                "\(what) not found in registry \(endpoint.authority); check the name and the tag"
            )
        default:
            let body = try? await transfer.collect(limit: Self.maximumErrorBody)
            let reasons = body.flatMap { try? JSONDecoder().decode(Refusal.self, from: $0) }?.errors ?? []
            let reason = reasons.first.flatMap { $0.message ?? $0.code }.map { " (\($0))" } ?? ""
            return HTTPFailure(.invalid, "it returned \(head.status)\(reason)")
        }
    }

    private func unauthorized(_ endpoint: RegistryEndpoint, status: Int) async -> ImageError {
        ImageError(
            .unauthorized,
            "registry \(endpoint.authority) refuses image \(reference) (\(status)): "
                + (await authority.explanation(for: endpoint))
                + "; some registries also respond like this for an image that does not exist"
        )
    }
}
