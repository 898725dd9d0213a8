import StellarAPI
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import StellarRuntime

/// `stellar.services.runtime.v1.Node`: this node's containers and images.
struct NodeService: Sendable {
    var runtime: ContainerRuntime
    var port: ContainerdPort
    var apps: AppCoordinator

    var service: RPCService {
        RPCService(name: StellarMethods.Node.serviceName, methods: containerMethods + imageMethods)
    }

    private var containerMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Node.info) { (_: RuntimeInfoRequest, _) in
                var response = RuntimeInfoResponse()
                response.id = StellarMethods.Node.packageName
                return response
            },
            .unary(StellarMethods.Node.containers) { (request: RuntimeContainersRequest, _) in
                var response = RuntimeContainersResponse()
                response.containers = try await runtime.containers(filters: request.filters).map(RuntimeContainer.init)
                return response
            },
            .unary(StellarMethods.Node.container) { (request: RuntimeContainerRequest, _) in
                guard let info = try await runtime.container(request.id) else { throw Self.notFound(request.id) }
                var response = RuntimeContainerResponse()
                response.container = RuntimeContainer(info)
                return response
            },
            .unary(StellarMethods.Node.setupContainerNetwork) { (_: RuntimeContainerNetworkRequest, _) in
                throw RPCError(.unimplemented, "containers get their network through CNI when they are created")
            },
            .unary(StellarMethods.Node.createContainer) { (request: RuntimeCreateContainerRequest, _) in
                try await create(request)
            },
            .unary(StellarMethods.Node.deleteContainer) { (request: RuntimeDeleteContainerRequest, _) in
                try await apps.delete(try Self.slot(request.id).description) { _ in }
            },
            .unary(StellarMethods.Node.restartContainer) { (request: RuntimeRestartContainerRequest, _) in
                try await apps.restart(try Self.slot(request.id).description) { _ in }
            },
        ]
    }

    private var imageMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Node.images) { (_: RuntimeImagesRequest, _) in
                var response = RuntimeImagesResponse()
                response.images = try await runtime.images().map(RuntimeImage.init)
                return response
            },
            .unary(StellarMethods.Node.deleteImage) { (request: RuntimeDeleteImageRequest, _) in
                try await runtime.deleteImage(try Self.image(request.id))
            },
            .serverStreaming(StellarMethods.Node.pullImage.name) { request, writer, _ in
                do {
                    try await pull(request, writer)
                } catch {
                    throw RPCError(of: error)
                }
            },
        ]
    }

    /// `application` and `container_id` together are a slot's id, as the original's daemons send them.
    private func create(_ request: RuntimeCreateContainerRequest) async throws {
        let name =
            request.application.isEmpty ? request.containerID : "\(request.application).\(request.containerID)"
        guard let id = ContainerID(name) else {
            throw RPCError(.invalidArgument, "container id \"\(name)\" is not <app>.<service>.<replica>")
        }
        var service = try Service(request.service)
        service.name = id.service
        try await apps.createSlot(id, service)
    }

    private func pull(
        _ request: RuntimePullImageRequest,
        _ writer: RPCResponseWriter<RuntimePullProgress>
    ) async throws {
        let image = try Self.image(request.image)
        let snapshotter = request.snapshotter.isEmpty ? Service.defaultSnapshotter : request.snapshotter
        try await ProgressRelay.run({ try await port.pull(image, snapshotter: snapshotter, progress: $0) }) { step in
            var message = RuntimePullProgress()
            message.ref = step.layer.isEmpty ? image : step.layer
            message.status = step.status.rawValue
            message.offset = step.offset
            message.total = step.total
            try await writer.send(message)
        }
    }

    private static func image(_ text: String) throws -> String {
        do {
            return try StellarCore.ImageReference.parse(text).description
        } catch {
            throw RPCError(.invalidArgument, "image: \(error)")
        }
    }

    private static func slot(_ id: String) throws -> ContainerID {
        guard let slot = ContainerID(id) else { throw notFound(id) }
        return slot
    }

    private static func notFound(_ id: String) -> RPCError { RPCError(.notFound, "container \(id) not found") }
}
