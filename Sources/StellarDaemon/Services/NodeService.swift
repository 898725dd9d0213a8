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
                var answer = RuntimeInfoResponse()
                answer.id = StellarMethods.Node.packageName
                return answer
            },
            .unary(StellarMethods.Node.containers) { (question: RuntimeContainersRequest, _) in
                var answer = RuntimeContainersResponse()
                answer.containers = try await runtime.containers(filters: question.filters).map(RuntimeContainer.init)
                return answer
            },
            .unary(StellarMethods.Node.container) { (question: RuntimeContainerRequest, _) in
                guard let info = try await runtime.container(question.id) else { throw Self.notFound(question.id) }
                var answer = RuntimeContainerResponse()
                answer.container = RuntimeContainer(info)
                return answer
            },
            .unary(StellarMethods.Node.setupContainerNetwork) { (_: RuntimeContainerNetworkRequest, _) in
                throw RPCError(.unimplemented, "containers get their network through CNI when they are created")
            },
            .unary(StellarMethods.Node.createContainer) { (question: RuntimeCreateContainerRequest, _) in
                try await create(question)
            },
            .unary(StellarMethods.Node.deleteContainer) { (question: RuntimeDeleteContainerRequest, _) in
                try await apps.delete(try Self.slot(question.id).description) { _ in }
            },
            .unary(StellarMethods.Node.restartContainer) { (question: RuntimeRestartContainerRequest, _) in
                try await apps.restart(try Self.slot(question.id).description) { _ in }
            },
        ]
    }

    private var imageMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Node.images) { (_: RuntimeImagesRequest, _) in
                var answer = RuntimeImagesResponse()
                answer.images = try await runtime.images().map(RuntimeImage.init)
                return answer
            },
            .unary(StellarMethods.Node.deleteImage) { (question: RuntimeDeleteImageRequest, _) in
                try await runtime.deleteImage(try Self.image(question.id))
            },
            .serverStreaming(StellarMethods.Node.pullImage.name) { question, writer, _ in
                do {
                    try await pull(question, writer)
                } catch {
                    throw RPCError(of: error)
                }
            },
        ]
    }

    /// `application` and `container_id` together are a slot's id, as the original's daemons send them.
    private func create(_ question: RuntimeCreateContainerRequest) async throws {
        let name =
            question.application.isEmpty ? question.containerID : "\(question.application).\(question.containerID)"
        guard let id = ContainerID(name) else {
            throw RPCError(.invalidArgument, "container id \"\(name)\" is not <app>.<service>.<replica>")
        }
        var service = try Service(question.service)
        service.name = id.service
        try await apps.createSlot(id, service)
    }

    private func pull(
        _ question: RuntimePullImageRequest,
        _ writer: RPCResponseWriter<RuntimePullProgress>
    ) async throws {
        let image = try Self.image(question.image)
        let snapshotter = question.snapshotter.isEmpty ? Service.defaultSnapshotter : question.snapshotter
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
