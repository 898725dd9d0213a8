import StellarRPC
import Synchronization

/// The configurations of images used lately, by the digest of the image's manifest or index: an image is content, so what
/// was read once holds for ever.
final class ImageConfigurations: Sendable {
    private let known = Mutex<[String: ImageConfiguration]>([:])
    /// More images than a node runs; a configuration has a few kilobytes.
    private static let limit = 64

    func find(_ digest: String) -> ImageConfiguration? {
        known.withLock { $0[digest] }
    }

    func keep(_ configuration: ImageConfiguration, for digest: String) {
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known[digest] = configuration
        }
    }
}

extension ContainerRuntime {
    /// ``imageConfiguration(_:platform:)`` of this platform, for the creation of containers: one call where the image was
    /// used before.
    func cachedImageConfiguration(_ reference: String) async throws -> ImageConfiguration {
        guard let digest = try await imageRecord(reference)?.target.digest else {
            // By another form of its name, or not at all: then this says so.
            return try await imageConfiguration(reference)
        }
        if let known = configurations.find(digest) { return known }
        let read = try await imageConfiguration(reference)
        configurations.keep(read, for: digest)
        return read
    }
}
