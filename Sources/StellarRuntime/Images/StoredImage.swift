import FoundationEssentials
import StellarRPC
import Synchronization

/// An image as the content store holds it, for one platform.
struct StoredImage: Sendable {
    /// The digest of the chosen manifest.
    var manifestDescriptor: Descriptor
    var manifest: ImageManifest
    var configuration: ImageConfiguration

    /// Bytes of manifest, configuration and layers.
    var size: Int64 {
        manifest.layers.reduce(manifestDescriptor.size + manifest.configuration.size) { $0 + $1.size }
    }
}

/// A cache of parsed images. A digest's content never changes, so only their number needs a limit.
final class StoredImageCache: Sendable {
    /// A manifest and a configuration take some kilobytes.
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
    /// Reads the image of `target` (a manifest or an index) for `platform`.
    ///
    /// - Returns: nil if a part that it needs to run is not in the store.
    /// - Throws: ``ImageError`` (notFound) if the index has no image for the platform; it lists the platforms of the
    ///   index.
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
        var descriptor = target
        for _ in 0..<ImageIndex.maximumDepth {
            guard let bytes = try await read(descriptor.digest, limit: ManifestDocument.maximumSize) else { return nil }
            switch try ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType, name: name) {
            case .manifest(let manifest): return (descriptor, manifest)
            case .index(let index): descriptor = try index.required(for: platform, name: name)
            }
        }
        throw ImageIndex.tooDeep(name)
    }
}

extension ImageIndex {
    /// An image, an index of images, an index of indexes, as an import of an archive makes. A deeper index is a loop or
    /// an attack.
    static let maximumDepth = 3

    static func tooDeep(_ name: String) -> ImageError {
        ImageError(.unsupported, "image \(name) is an index of indexes, more than \(maximumDepth) deep")
    }

    /// The image for `platform`.
    ///
    /// - Throws: ``ImageError`` (notFound) that lists the index's platforms.
    package func required(for platform: Platform, name: String) throws(ImageError) -> Descriptor {
        if let best = best(for: platform) { return best }
        let there = platforms.map(\.description).joined(separator: ", ")
        throw ImageError(
            .notFound,
            "image \(name) has no variant for \(platform), only for \(there.isEmpty ? "no platform" : there)"
        )
    }
}
