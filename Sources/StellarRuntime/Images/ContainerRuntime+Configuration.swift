package import FoundationEssentials
import StellarRPC
import StellarRPCProtobuf
import Synchronization

/// The configurations of images used lately, by the digest of the image's manifest or index: an image is content, so what
/// was read once holds for ever.
final class ImageConfigurations: Sendable {
    private struct Key: Hashable {
        var digest: String
        var platform: Platform
    }

    private let known = Mutex<[Key: ImageConfiguration]>([:])
    /// More images than a node runs; a configuration has a few kilobytes.
    private static let limit = 64

    func find(_ digest: String, _ platform: Platform) -> ImageConfiguration? {
        known.withLock { $0[Key(digest: digest, platform: platform)] }
    }

    func keep(_ configuration: ImageConfiguration, for digest: String, _ platform: Platform) {
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known[Key(digest: digest, platform: platform)] = configuration
        }
    }
}

extension ContainerRuntime {
    /// How an image that is here wants to be run.
    ///
    /// - Parameter reference: the full reference, as ``ContainerInfo/image`` has it.
    /// - Throws: `RPCError`: notFound if the image, or a part of it, is not here; dataLoss if it cannot be read.
    package func imageConfiguration(
        _ reference: String,
        platform: Platform = .current
    ) async throws -> ImageConfiguration {
        var question = ContainerdImagesGetImageRequest()
        question.name = reference
        let answer: ContainerdImagesGetImageResponse
        do {
            answer = try await call(ImagesMethod.get, question, naming: "image \"\(reference)\"")
        } catch  where says(error, .notFound) {
            throw RPCError(.notFound, "image \"\(reference)\" is not on this node: pull it first")
        }
        let target = answer.image.target
        if let known = configurations.find(target.digest, platform) { return known }
        do {
            let read = try await readConfiguration(target, reference: reference, platform: platform)
            configurations.keep(read, for: target.digest, platform)
            return read
        } catch let error as ImageError {
            throw RPCError(error.code, error.message)
        }
    }

    private func readConfiguration(
        _ target: ContainerdDescriptor,
        reference: String,
        platform: Platform
    ) async throws -> ImageConfiguration {
        let bytes = try await readContent(target.digest, limit: ManifestDocument.maximumSize, of: reference)
        let manifest: ImageManifest
        switch try ManifestDocument(parsing: bytes, mediaType: target.mediaType, name: reference) {
        case .manifest(let single):
            manifest = single
        case .index(let index):
            guard let best = index.best(for: platform) else {
                throw RPCError(.notFound, "image \"\(reference)\" has nothing for \(platform)")
            }
            let bytes = try await readContent(
                best.digest.description,
                limit: ManifestDocument.maximumSize,
                of: reference
            )
            guard
                case .manifest(let chosen) = try ManifestDocument(
                    parsing: bytes,
                    mediaType: best.mediaType,
                    name: reference
                )
            else { throw RPCError(.dataLoss, "image \"\(reference)\": an index inside of an index") }
            manifest = chosen
        }
        let configuration = try await readContent(
            manifest.configuration.digest.description,
            limit: Int(ManifestDocument.maximumConfigurationSize),
            of: reference
        )
        return try ImageConfiguration(parsing: configuration, name: reference)
    }

    /// A whole blob of the content store, for documents: never more than `limit` bytes.
    package func readContent(_ digest: String, limit: Int, of reference: String) async throws -> Data {
        var question = ContainerdContentReadContentRequest()
        question.digest = digest
        do {
            return try await client.serverStreaming(
                ContentMethod.read,
                question,
                returning: ContainerdContentReadContentResponse.self,
                options: options(timeout: Self.slowTimeout)
            ) { answers in
                var bytes = Data()
                for try await answer in answers {
                    guard bytes.count + answer.data.count <= limit else {
                        throw RPCError(.resourceExhausted, "\(digest) has more than \(limit) bytes")
                    }
                    bytes += answer.data
                }
                return bytes
            }
        } catch  where says(error, .notFound) {
            throw RPCError(.notFound, "image \"\(reference)\": \(digest) is not on this node: pull the image again")
        } catch {
            throw explained(error, about: "image \"\(reference)\"")
        }
    }
}
