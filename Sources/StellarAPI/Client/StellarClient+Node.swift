import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.runtime.v1.Node`.
    public struct Node: Sendable {
        let client: StellarClient

        /// The containers of the called node.
        ///
        /// - Parameter filters: containerd filters, one of which must match; an empty list matches all.
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

        /// The images of the called node.
        public func images() async throws -> [RuntimeImage] {
            let response: RuntimeImagesResponse = try await client.call(
                StellarMethods.Node.images,
                RuntimeImagesRequest()
            )
            return response.images
        }

        /// Connects a running container to a network.
        public func setupContainerNetwork(_ request: RuntimeContainerNetworkRequest) async throws {
            try await client.send(StellarMethods.Node.setupContainerNetwork, request)
        }

        /// Creates and starts one container. Returns when it has started.
        public func createContainer(_ request: RuntimeCreateContainerRequest) async throws {
            try await client.send(StellarMethods.Node.createContainer, request)
        }

        /// Stops a container and deletes it with its files and addresses.
        public func deleteContainer(_ id: String) async throws {
            try await client.send(
                StellarMethods.Node.deleteContainer,
                RuntimeDeleteContainerRequest.with { $0.id = id }
            )
        }

        /// Restarts a container.
        public func restartContainer(_ id: String) async throws {
            try await client.send(
                StellarMethods.Node.restartContainer,
                RuntimeRestartContainerRequest.with { $0.id = id }
            )
        }

        /// Pulls and unpacks an image.
        ///
        /// - Parameter snapshotter: the snapshotter that unpacks it; empty is the daemon's default.
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

        /// Removes the name of an image. containerd deletes its content when nothing else uses it.
        public func deleteImage(_ reference: String) async throws {
            try await client.send(StellarMethods.Node.deleteImage, RuntimeDeleteImageRequest.with { $0.id = reference })
        }
    }
}
