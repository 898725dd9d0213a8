import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.runtime.v1.Node`.
    public struct Node: Sendable {
        let client: StellarClient

        /// This node's containers.
        ///
        /// - Parameter filters: containerd filters, one of which must match; none takes all.
        public func containers(filters: [String] = []) async throws -> [RuntimeContainer] {
            let response: RuntimeContainersResponse = try await client.call(
                StellarMethods.Node.containers,
                RuntimeContainersRequest.with { $0.filters = filters }
            )
            return response.containers
        }

        /// One container by its id.
        public func container(_ id: String) async throws -> RuntimeContainer {
            let response: RuntimeContainerResponse = try await client.call(
                StellarMethods.Node.container,
                RuntimeContainerRequest.with { $0.id = id }
            )
            return response.container
        }

        /// This node's images.
        public func images() async throws -> [RuntimeImage] {
            let response: RuntimeImagesResponse = try await client.call(
                StellarMethods.Node.images,
                RuntimeImagesRequest()
            )
            return response.images
        }

        /// Puts a running container into a network.
        public func setupContainerNetwork(_ request: RuntimeContainerNetworkRequest) async throws {
            try await client.send(StellarMethods.Node.setupContainerNetwork, request)
        }

        /// Makes and starts one container; returns when it is started.
        public func createContainer(_ request: RuntimeCreateContainerRequest) async throws {
            try await client.send(StellarMethods.Node.createContainer, request)
        }

        /// Stops a container and removes all that belongs to it.
        public func deleteContainer(_ id: String) async throws {
            try await client.send(
                StellarMethods.Node.deleteContainer,
                RuntimeDeleteContainerRequest.with { $0.id = id }
            )
        }

        /// Stops a container if it runs and starts it again.
        public func restartContainer(_ id: String) async throws {
            try await client.send(
                StellarMethods.Node.restartContainer,
                RuntimeRestartContainerRequest.with { $0.id = id }
            )
        }

        /// Pulls an image; returns when it is there and unpacked.
        ///
        /// - Parameter snapshotter: empty for the daemon's default.
        public func pullImage(
            _ reference: String,
            snapshotter: String = "",
            progress: (RuntimePullProgress) async throws -> Void
        ) async throws {
            let request = RuntimePullImageRequest.with {
                $0.image = reference
                $0.snapshotter = snapshotter
            }
            try await client.stream(StellarMethods.Node.pullImage, request, progress)
        }

        /// Removes an image's name; its content goes when nothing else uses it.
        public func deleteImage(_ reference: String) async throws {
            try await client.send(StellarMethods.Node.deleteImage, RuntimeDeleteImageRequest.with { $0.id = reference })
        }
    }
}
