import FoundationEssentials
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

extension ContainerRuntime {
    /// containerd's own default.
    public static let defaultSnapshotter = "overlayfs"

    /// Pulls an image from its registry and unpacks it, or updates an existing one. Content that containerd has is not
    /// fetched again; concurrent pulls, also of other processes, share their common content.
    ///
    /// A cancelled or failed pull leaves no partial content.
    ///
    /// - Parameters:
    ///   - reference: the image's name; missing parts get defaults (`redis` is `docker.io/library/redis:latest`).
    ///   - progress: called from any thread, often; must return at once.
    /// - Throws: `RPCError`: `invalidArgument` for an invalid name or configuration file, `notFound` for an image, tag
    ///   or platform that the registry does not have, `unauthenticated`, `unavailable` for a registry or a containerd
    ///   that does not respond, `dataLoss` for content that does not match its digest.
    @discardableResult
    public func pull(
        _ reference: String,
        options: PullOptions = PullOptions(),
        progress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws -> ImageInfo {
        try await pull(reference, options: options, timeouts: HTTPTimeouts(), retry: RetryPolicy(), progress: progress)
    }

    /// The same, with a shorter retry policy for tests.
    package func pull(
        _ reference: String,
        options: PullOptions,
        timeouts: HTTPTimeouts,
        retry: RetryPolicy,
        progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws -> ImageInfo {
        try await imageErrors {
            try CurlClient.load()
            let parsed = try ImageReference.parsing(reference)
            let name = parsed.description
            let session = try RegistrySession(
                reference: parsed,
                options: options.registry,
                environment: ProcessInfo.processInfo.environment,
                http: http,
                timeouts: timeouts,
                retry: retry,
                logger: logger
            )
            progress(PullProgress(reference: name, digest: "", kind: .image, state: .resolving))
            let target = try await session.resolve()
            let digest = target.digest.description
            progress(PullProgress(reference: name, digest: digest, kind: .image, state: .resolved))
            let image = try await withLease(for: name) { lease in
                let store = ContentStore(runtime: self, lease: lease)
                let puller = Puller(
                    store: store,
                    session: session,
                    platform: options.platform ?? .current,
                    unpacker: Unpacker(store: store, snapshotter: options.snapshotter, name: name),
                    report: progress
                )
                try await puller.pull(target)
                return try await record(name, target: target)
            }
            progress(PullProgress(reference: name, digest: digest, kind: .image, state: .done))
            return try await info(image, platform: options.platform ?? .current)
        }
    }

    /// Points the image's name to `target`; creates or updates its record.
    private func record(_ name: String, target: Descriptor) async throws -> ContainerdImagesImage {
        var create = ContainerdImagesCreateImageRequest()
        create.image.name = name
        create.image.target = ContainerdDescriptor(target)
        do {
            let response: ContainerdImagesCreateImageResponse = try await call(
                ImagesMethod.create,
                create,
                naming: "image \(name)"
            )
            return response.image
        } catch  where says(error, .alreadyExists) {
            if let present = try await imageRecord(name), present.target == create.image.target { return present }
            var update = ContainerdImagesUpdateImageRequest()
            update.image = create.image
            update.updateMask.paths = ["target"]
            let response: ContainerdImagesUpdateImageResponse = try await call(
                ImagesMethod.update,
                update,
                naming: "image \(name)"
            )
            return response.image
        }
    }

    /// Runs `body` and turns its ``ImageError`` into an `RPCError` with the matching code.
    func imageErrors<R>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as ImageError {
            throw RPCError(error.code, error.message)
        } catch let failure as HTTPFailure {
            throw RPCError(.unavailable, failure.message)
        } catch is CancellationError {
            throw RPCError(.cancelled, "cancelled")
        }
    }
}
