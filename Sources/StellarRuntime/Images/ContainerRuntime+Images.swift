import FoundationEssentials
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

extension ContainerRuntime {
    /// The images of the namespace, by name.
    public func images() async throws -> [ImageInfo] {
        try await imageErrors {
            let response: ContainerdImagesListImagesResponse = try await call(
                ImagesMethod.list,
                ContainerdImagesListImagesRequest(),
                naming: "images"
            )
            var images: [ImageInfo] = []
            for image in response.images { images.append(try await info(image, platform: .current)) }
            return images.sorted { $0.name < $1.name }
        }
    }

    /// Removes an image's name, and its content and snapshots that no other image and no container uses. They are
    /// removed when this returns.
    ///
    /// - Throws: `RPCError` (notFound) if the image does not exist.
    public func deleteImage(_ reference: String) async throws {
        try await imageErrors {
            guard let image = try await find(reference) else { throw missing(reference) }
            var request = ContainerdImagesDeleteImageRequest()
            request.name = image.name
            request.sync = true
            _ = try await call(
                ImagesMethod.delete,
                request,
                returning: Google_Protobuf_Empty.self,
                timeout: Self.slowTimeout,
                naming: "image \(image.name)"
            )
        }
    }

    /// The image, if its content is complete on this node, so that containers need no registry. Unpacks it if this
    /// snapshotter has not yet.
    ///
    /// - Returns: nil if it must be pulled.
    public func hasImage(_ reference: String, snapshotter: String = defaultSnapshotter) async throws -> ImageInfo? {
        try await imageErrors {
            guard let record = try await find(reference), let target = Descriptor(record.target) else { return nil }
            let store = ContentStore(runtime: self, lease: nil)
            // No image for this platform, or undecodable content: a pull reports the reason.
            guard let image = try? await store.image(target, platform: .current, name: record.name) else { return nil }
            if let top = image.configuration.chainID {
                let unpacker = Unpacker(store: store, snapshotter: snapshotter, name: record.name)
                if try await !unpacker.has(top) {
                    guard try await unpack(image, name: record.name, snapshotter: snapshotter) else { return nil }
                }
            }
            return ImageInfo(record, size: image.size)
        }
    }

    /// The configuration of an image on this node.
    ///
    /// - Parameter reference: the full reference, as ``ContainerInfo/image`` has it.
    /// - Throws: `RPCError`: notFound if the image, or a part of it, is not on this node; dataLoss if it is
    ///   undecodable.
    package func imageConfiguration(
        _ reference: String,
        platform: Platform = .current
    ) async throws -> ImageConfiguration {
        try await imageErrors {
            guard let record = try await imageRecord(reference), let target = Descriptor(record.target) else {
                throw RPCError(.notFound, "image \"\(reference)\" is not on this node: pull it first")
            }
            let store = ContentStore(runtime: self, lease: nil)
            guard let image = try await store.image(target, platform: platform, name: reference) else {
                throw RPCError(
                    .notFound,
                    "image \"\(reference)\": a part of it is not on this node: pull the image again"
                )
            }
            return image.configuration
        }
    }

    // MARK: Within the module

    /// The record of an image's name; nil if it does not exist.
    func imageRecord(_ name: String) async throws -> ContainerdImagesImage? {
        var request = ContainerdImagesGetImageRequest()
        request.name = name
        do {
            let response: ContainerdImagesGetImageResponse = try await call(
                ImagesMethod.get,
                request,
                naming: "image \(name)"
            )
            return response.image
        } catch  where says(error, .notFound) {
            return nil
        }
    }

    /// The record of a name with its defaults filled in, or of the name exactly as given.
    private func find(_ reference: String) async throws -> ContainerdImagesImage? {
        let name = ImageReference(reference)?.description
        if let name, let image = try await imageRecord(name) { return image }
        if name != reference, let image = try await imageRecord(reference) { return image }
        if name == nil { _ = try ImageReference.parsing(reference) }
        return nil
    }

    private func missing(_ reference: String) -> ImageError {
        ImageError(.notFound, "image \"\(reference)\" is not on this node; 'sctl images list' lists its images")
    }

    func info(_ image: ContainerdImagesImage, platform: Platform) async throws -> ImageInfo {
        guard let target = Descriptor(image.target) else { return ImageInfo(image, size: 0) }
        // A list also has images that are incomplete or for other platforms.
        let stored = try? await ContentStore(runtime: self, lease: nil).image(
            target,
            platform: platform,
            name: image.name
        )
        return ImageInfo(image, size: stored?.size ?? 0)
    }

    /// Unpacks an image from the content store.
    ///
    /// - Returns: false if a layer is missing.
    private func unpack(_ image: StoredImage, name: String, snapshotter: String) async throws -> Bool {
        try await withLease(for: name) { lease in
            let store = ContentStore(runtime: self, lease: lease)
            for layer in image.manifest.layers {
                guard try await store.info(layer.digest) != nil else { return false }
            }
            let unpacker = Unpacker(store: store, snapshotter: snapshotter, name: name)
            let diffIDs = image.configuration.diffIDs
            guard diffIDs.count == image.manifest.layers.count else { return false }
            let chain = ChainID.chain(diffIDs)
            for (number, layer) in image.manifest.layers.enumerated() {
                try await unpacker.unpack(layer, diffID: diffIDs[number], chain: chain[...number])
            }
            if let top = chain.last {
                try await store.setLabels(
                    [ContentLabels.snapshot(snapshotter): top.description],
                    on: image.manifest.configuration.digest
                )
            }
            return true
        }
    }
}

extension ImageReference {
    /// Parses a reference and fills in its defaults; throws a pull's error for an invalid one.
    static func parsing(_ text: String) throws(ImageError) -> ImageReference {
        do {
            return try parse(text)
        } catch {
            throw ImageError(.invalid, error.description)
        }
    }
}

extension Descriptor {
    /// Nil if containerd's digest has an unknown form.
    init?(_ descriptor: ContainerdDescriptor) {
        guard let digest = ContentDigest(descriptor.digest) else { return nil }
        self.init(mediaType: descriptor.mediaType, digest: digest, size: descriptor.size)
    }
}

extension ImageInfo {
    init(_ image: ContainerdImagesImage, size: Int64) {
        self.init(
            name: image.name,
            digest: image.target.digest,
            mediaType: image.target.mediaType,
            size: size,
            created: image.hasCreatedAt ? image.createdAt.date : nil,
            updated: image.hasUpdatedAt ? image.updatedAt.date : nil,
            labels: image.labels
        )
    }
}
