import FoundationEssentials
import Synchronization

/// A registry that serves images of a test. Each repository can have a fault, until the test serves it again.
public final class ImageServer: Sendable {
    /// Changes the response of a healthy registry.
    public typealias Fault = @Sendable (FakeRegistry.Request, FakeRegistry.Response) -> FakeRegistry.Response

    private struct Repository: Sendable {
        var image: BuiltImage
        var fault: Fault?
    }

    private let repositories: Repositories
    private let fake: FakeRegistry

    /// Shared with the threads of the server.
    private final class Repositories: Sendable {
        let all = Mutex<[String: Repository]>([:])
    }

    private init(_ fake: FakeRegistry, _ repositories: Repositories) {
        self.fake = fake
        self.repositories = repositories
    }

    /// `127.0.0.1:PORT`, the first part of an image's name.
    public var host: String { fake.host }

    /// Every request so far, in the order of arrival.
    public var requests: [FakeRegistry.Request] { fake.requests }

    /// Serves while `body` runs.
    public static func with<R>(_ body: (ImageServer) async throws -> R) async throws -> R {
        let repositories = Repositories()
        return try await FakeRegistry.with({ respond(to: $0, repositories) }) { fake in
            try await body(ImageServer(fake, repositories))
        }
    }

    /// Offers `image` as the tag `latest` of a repository, from now on. Returns its name.
    @discardableResult
    public func serve(_ image: BuiltImage, as repository: String, fault: Fault? = nil) -> String {
        repositories.all.withLock { $0[repository] = Repository(image: image, fault: fault) }
        return "\(host)/\(repository):latest"
    }

    private static func respond(
        to request: FakeRegistry.Request,
        _ repositories: Repositories
    ) -> FakeRegistry.Response {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count >= 4, parts[0] == "v2" else { return .init(parts == ["v2"] ? 200 : 404) }
        let name = parts[1..<(parts.count - 2)].joined(separator: "/")
        guard let repository = repositories.all.withLock({ $0[name] }) else { return .init(404) }
        let good = healthy(repository.image, parts[parts.count - 2], parts[parts.count - 1], request)
        return repository.fault?(request, good) ?? good
    }

    private static func healthy(
        _ image: BuiltImage,
        _ kind: String,
        _ reference: String,
        _ request: FakeRegistry.Request
    ) -> FakeRegistry.Response {
        let document = ([image.target] + image.manifests).first {
            $0.digest == reference || (reference == "latest" && $0.digest == image.target.digest)
        }
        let digest = kind == "manifests" ? document?.digest : reference
        guard let digest, let data = FileManager.default.contents(atPath: image.layout.path(of: digest)) else {
            return .init(404)
        }
        var headers = [("Docker-Content-Digest", digest)]
        headers.append(("Content-Type", kind == "manifests" ? document?.mediaType ?? "" : "application/octet-stream"))
        let body = [UInt8](data)
        guard let range = request.headers["range"], let first = Int(range.dropFirst("bytes=".count).dropLast()),
            first < body.count
        else { return .init(200, headers: headers, body: body) }
        headers.append(("Content-Range", "bytes \(first)-\(body.count - 1)/\(body.count)"))
        return .init(206, headers: headers, body: Array(body[first...]))
    }
}
