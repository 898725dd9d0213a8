import StellarAPI
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// `stellar.services.application.v1.Application`.
struct ApplicationService: Sendable {
    var reconciler: Reconciler
    /// What does not work on this node at the moment.
    var problems: @Sendable () -> [String] = { [] }

    var service: RPCService {
        RPCService(
            name: StellarMethods.Application.serviceName,
            methods: [
                .answering(StellarMethods.Application.info) { (_: ApplicationInfoRequest) in
                    var answer = ApplicationInfoResponse()
                    answer.id = StellarMethods.Application.packageName
                    return answer
                },
                .acting(StellarMethods.Application.create) { (question: ApplicationCreateRequest) in
                    try await reconciler.create(try App(request: question)) { _ in }
                },
                .serverStreaming(StellarMethods.Application.createStream.name) { question, writer, _ in
                    do {
                        try await createStream(question, writer)
                    } catch {
                        throw RPCError(of: error)
                    }
                },
                .acting(StellarMethods.Application.delete) { (question: ApplicationDeleteRequest) in
                    try await reconciler.delete(question.name)
                },
                .acting(StellarMethods.Application.restart) { (question: ApplicationRestartRequest) in
                    try await reconciler.restart(question.name)
                },
                .answering(StellarMethods.Application.list) { (_: ApplicationListRequest) in
                    var answer = ApplicationListResponse()
                    answer.applications = await reconciler.applications()
                    return answer
                },
                .answering(StellarMethods.Application.get) { (question: ApplicationGetRequest) in
                    var answer = ApplicationGetResponse()
                    answer.application = try await reconciler.application(question.name)
                    return answer
                },
            ]
        )
    }

    /// More lines than a slow client takes are dropped, oldest first; the end always arrives, as the call's status.
    private static let maximumProgress = 1024

    private func createStream(
        _ question: ApplicationCreateRequest,
        _ writer: RPCResponseWriter<ApplicationCreateProgress>
    ) async throws {
        let app = try App(request: question)
        let node = reconciler.node.id
        let (lines, continuation) = AsyncStream.makeStream(
            of: SlotProgress.self,
            bufferingPolicy: .bufferingNewest(Self.maximumProgress)
        )
        async let outcome: Void = {
            defer { continuation.finish() }
            try await reconciler.create(app) { continuation.yield($0) }
        }()
        for await line in lines { try await writer.send(Self.message(line, node: node)) }
        try await outcome
        // It runs, and perhaps not as well as it looks: without a nameserver nobody finds it by name.
        for problem in problems() {
            var message = ApplicationCreateProgress()
            message.node = node
            message.message = "warning: \(node): \(problem)"
            try await writer.send(message)
        }
    }

    private static func message(_ progress: SlotProgress, node: String) -> ApplicationCreateProgress {
        var message = ApplicationCreateProgress()
        message.slot = progress.id.description
        message.node = node
        message.state = progress.state.rawValue
        message.message = progress.message
        message.log = progress.log
        if let pull = progress.pull {
            message.layer = pull.layer
            message.layerStatus = pull.status
            message.offset = pull.offset
            message.total = pull.total
        }
        return message
    }
}

/// What people see of the apps.
extension Reconciler {
    func applications() -> [ApplicationApp] {
        apps.keys.sorted().compactMap { apps[$0].map(message) }
    }

    func application(_ name: String) throws -> ApplicationApp {
        guard let desired = apps[name] else { throw Self.notFound(name) }
        var message = message(desired)
        // A service that was deleted by itself is not to come back with a create of the rest.
        var app = desired.app
        let present = Set(desired.assignment.entries.map(\.slot.service))
        app.services = app.services.filter { present.contains($0.name) }
        message.definition = ApplicationCreateRequest(app)
        return message
    }

    /// One `Service` per container, as the original has it: its name is the container's id.
    private func message(_ desired: DesiredApp) -> ApplicationApp {
        var message = ApplicationApp()
        message.name = desired.app.name
        message.labels = desired.app.labels.list
        message.createdAt.seconds = desired.createdAt
        message.services = desired.assignment.entries.compactMap { id, node in
            guard let service = desired.app.service(named: id.service) else { return nil }
            var item = RuntimeService(service)
            item.name = id.description
            item.node = node
            item.replicas = 0
            item.labels = ContainerLabels.shown(of: service, app: id.app).sorted { $0.key < $1.key }.map {
                "\($0.key)=\($0.value)"
            }
            item.status = status(of: id)
            return item
        }
        return message
    }

    private func status(of id: ContainerID) -> RuntimeReplicaStatus {
        let status = statuses[id] ?? SlotStatus()
        var message = RuntimeReplicaStatus()
        message.state = status.state.rawValue
        message.address = status.address?.description ?? ""
        message.pid = status.pid
        if status.startedAt > 0 { message.startedAt.seconds = status.startedAt }
        message.restarts = UInt32(clamping: status.restarts)
        message.reason = status.reason
        return message
    }
}
