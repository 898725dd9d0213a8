import FoundationEssentials
import StellarCore
import StellarRPC

/// One pull, from the resolved name to the unpacked image, under one lease of containerd.
struct Puller: Sendable {
    let store: ContentStore
    let session: RegistrySession
    let platform: Platform
    let unpacker: Unpacker
    let report: @Sendable (PullProgress) -> Void

    private var name: String { session.reference.description }

    /// Fetches and unpacks the image of `target`.
    func pull(_ target: Descriptor) async throws {
        let (descriptor, manifest) = try await manifest(of: target)
        let configuration = try await configuration(of: manifest)
        let chain = ChainID.chain(configuration.diffIDs)
        try await store.setLabels(ContentLabels.children(of: manifest), on: descriptor.digest)
        try await layers(manifest.layers, diffIDs: configuration.diffIDs, chain: chain)
        if let top = chain.last {
            try await store.setLabels(
                [ContentLabels.snapshot(unpacker.snapshotter): top.description],
                on: manifest.configuration.digest
            )
        }
    }

    private func note(_ kind: PullProgress.Kind, _ part: Descriptor, _ state: PullProgress.State, _ offset: Int64 = 0) {
        report(
            PullProgress(
                reference: name,
                digest: part.digest.description,
                kind: kind,
                state: state,
                offset: offset,
                total: part.size
            )
        )
    }

    // MARK: Manifests and configuration

    /// Follows the indexes from `target` to the manifest for the platform.
    private func manifest(of target: Descriptor) async throws -> (Descriptor, ImageManifest) {
        var descriptor = target
        for _ in 0..<ImageIndex.maximumDepth {
            let bytes = try await document(descriptor, as: descriptor.kind == .index ? .index : .manifest)
            switch try ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType, name: name) {
            case .manifest(let manifest): return (descriptor, manifest)
            case .index(let index):
                try await store.setLabels(ContentLabels.children(of: index), on: descriptor.digest)
                descriptor = try index.required(for: platform, name: name)
            }
        }
        throw ImageIndex.tooDeep(name)
    }

    private func document(_ descriptor: Descriptor, as kind: PullProgress.Kind) async throws -> Data {
        try await small(descriptor, kind, limit: ManifestDocument.maximumSize) {
            try await session.manifest(descriptor)
        }
    }

    private func configuration(of manifest: ImageManifest) async throws -> ImageConfiguration {
        let descriptor = manifest.configuration
        let limit = Int(ManifestDocument.maximumConfigurationSize)
        let bytes = try await small(descriptor, .configuration, limit: limit) {
            try await session.smallBlob(descriptor)
        }
        let configuration = try ImageConfiguration(parsing: bytes, name: name)
        guard configuration.diffIDs.count == manifest.layers.count else {
            throw ImageError(
                .corrupt,
                "image \(name) is corrupt: the manifest has \(manifest.layers.count) layers, "
                    + "the configuration \(configuration.diffIDs.count)"
            )
        }
        guard platform.rank(of: configuration.platform) != nil else {
            throw ImageError(
                .notFound,
                "image \(name) has no variant for \(platform), only for \(configuration.platform)"
            )
        }
        return configuration
    }

    /// Returns the bytes of a small object; fetches it if the store does not have it.
    private func small(
        _ descriptor: Descriptor,
        _ kind: PullProgress.Kind,
        limit: Int,
        _ fetch: () async throws -> Data
    ) async throws -> Data {
        var fetched: Data?
        let outcome = try await ingest(descriptor, kind).write { offset, sink in
            let bytes: Data
            if let known = fetched { bytes = known } else { bytes = try await fetch() }
            fetched = bytes
            try await sink(bytes.dropFirst(Int(offset)))
        }
        if outcome == .existed { try await take(descriptor, kind) }
        note(kind, descriptor, outcome == .existed ? .exists : .downloaded, descriptor.size)
        if let fetched { return fetched }
        guard let bytes = try await store.read(descriptor.digest, limit: limit) else {
            throw ImageError(
                .unavailable,
                "\(kind.rawValue) \(descriptor.digest) of image \(name) is missing in containerd; pull again"
            )
        }
        return bytes
    }

    private func ingest(_ descriptor: Descriptor, _ kind: PullProgress.Kind) -> Ingest {
        let prefix = kind == .configuration ? "config" : kind.rawValue
        let reference = session.reference
        return Ingest(
            store: store,
            descriptor: descriptor,
            reference: "\(prefix)-\(descriptor.digest)",
            labels: [ContentLabels.source(of: reference.domain): reference.path],
            name: "\(kind.rawValue) \(descriptor.digest) of image \(name)"
        )
    }

    /// Uses content that the store has already, after a check of its size.
    private func take(_ descriptor: Descriptor, _ kind: PullProgress.Kind) async throws {
        let (digest, reference) = (descriptor.digest, session.reference)
        let size = try await store.addSource(registry: reference.domain, repository: reference.path, to: digest)
        guard let size, size != descriptor.size else { return }
        throw ImageError(
            .corrupt,
            "\(kind.rawValue) \(digest) of image \(name) is corrupt: expected \(descriptor.size) bytes, it has \(size)"
        )
    }

    // MARK: Layers

    private func layers(_ layers: [Descriptor], diffIDs: [ContentDigest], chain: [ContentDigest]) async throws {
        let isUnpacked: Bool
        if let top = chain.last { isUnpacked = try await unpacker.has(top) } else { isUnpacked = true }
        var schedule = PullSchedule(layers: layers.count, isUnpacked: isUnpacked)
        let order = LayerOrder()
        for layer in layers { note(.layer, layer, .waiting) }
        try await withThrowingTaskGroup(of: PullSchedule.Event.self) { group in
            func begin(_ actions: [PullSchedule.Action]) {
                for action in actions {
                    switch action {
                    case .download(let number):
                        group.addTask {
                            try await download(layers[number], number, order)
                            if isUnpacked { note(.layer, layers[number], .done, layers[number].size) }
                            return .downloaded(number)
                        }
                    case .unpack(let number):
                        group.addTask {
                            note(.layer, layers[number], .unpacking, layers[number].size)
                            try await unpacker.unpack(layers[number], diffID: diffIDs[number], chain: chain[...number])
                            note(.layer, layers[number], .done, layers[number].size)
                            return .unpacked(number)
                        }
                    }
                }
            }
            begin(schedule.start())
            while let event = try await group.next() { begin(schedule.handle(event)) }
        }
    }

    private func download(_ layer: Descriptor, _ number: Int, _ order: LayerOrder) async throws {
        defer { order.rest(number) }
        let outcome = try await ingest(layer, .layer).write(
            from: { offset, sink in
                try await session.blob(layer, from: offset, idle: { order.rest(number) }) { bytes in
                    try await order.turn(of: number)
                    try await sink(bytes)
                }
            },
            waiting: { note(.layer, layer, .waiting) },
            progress: { note(.layer, layer, .downloading, $0) }
        )
        if outcome == .existed { try await take(layer, .layer) }
        note(.layer, layer, outcome == .existed ? .exists : .downloaded, layer.size)
    }
}
