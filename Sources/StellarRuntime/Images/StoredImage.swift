import FoundationEssentials
import StellarRPC
import Synchronization

/// An image as the content store holds it, for one platform.
struct StoredImage: Sendable {
    /// The digest of the manifest chosen.
    var manifestDescriptor: Descriptor
    var manifest: ImageManifest
    var configuration: ImageConfiguration

    /// Bytes of manifest, configuration and layers.
    var size: Int64 {
        manifest.layers.reduce(manifestDescriptor.size + manifest.configuration.size) { $0 + $1.size }
    }
}

/// Images read once: what a digest stands for never changes, so only the number of them needs a limit.
final class StoredImageCache: Sendable {
    /// A manifest and a configuration have some kilobytes.
    private static let limit = 64
    private let images = Mutex<[String: StoredImage]>([:])

    func image(_ key: String) -> StoredImage? {
        images.withLock { $0[key] }
    }

    func keep(_ image: StoredImage, for key: String) {
        images.withLock { images in
            if images.count >= Self.limit { images.removeAll() }
            images[key] = image
        }
    }
}

extension ContentStore {
    /// Reads what `target` (a manifest or an index) holds for `platform`.
    ///
    /// - Returns: nil where a part that is needed to run it is not in the store.
    /// - Throws: ``ImageError`` (notFound) where the index has nothing for the platform; it lists what there is.
    func image(_ target: Descriptor, platform: Platform, name: String) async throws -> StoredImage? {
        let key = "\(platform) \(target.digest)"
        if let known = runtime.storedImages.image(key) { return known }
        guard let found = try await chosen(target, platform: platform, name: name) else { return nil }
        let limit = Int(ManifestDocument.maximumConfigurationSize)
        guard let bytes = try await read(found.manifest.configuration.digest, limit: limit) else { return nil }
        let image = StoredImage(
            manifestDescriptor: found.descriptor,
            manifest: found.manifest,
            configuration: try ImageConfiguration(parsing: bytes, name: name)
        )
        runtime.storedImages.keep(image, for: key)
        return image
    }

    private func chosen(
        _ target: Descriptor,
        platform: Platform,
        name: String
    ) async throws -> (descriptor: Descriptor, manifest: ImageManifest)? {
        guard let bytes = try await read(target.digest, limit: ManifestDocument.maximumSize) else { return nil }
        switch try ManifestDocument(parsing: bytes, mediaType: target.mediaType, name: name) {
        case .manifest(let manifest): return (target, manifest)
        case .index(let index):
            let child = try index.required(for: platform, name: name)
            guard let bytes = try await read(child.digest, limit: ManifestDocument.maximumSize) else { return nil }
            guard
                case .manifest(let manifest) =
                    try ManifestDocument(parsing: bytes, mediaType: child.mediaType, name: name)
            else { throw ImageError(.unsupported, "image \(name): an index within an index is not supported") }
            return (child, manifest)
        }
    }
}

extension ImageIndex {
    /// The image for `platform`.
    ///
    /// - Throws: ``ImageError`` (notFound) that lists the platforms there are.
    package func required(for platform: Platform, name: String) throws(ImageError) -> Descriptor {
        if let best = best(for: platform) { return best }
        let there = platforms.map(\.description).joined(separator: ", ")
        throw ImageError(
            .notFound,
            "image \(name) has nothing for \(platform); it is there for \(there.isEmpty ? "no platform" : there)"
        )
    }
}
