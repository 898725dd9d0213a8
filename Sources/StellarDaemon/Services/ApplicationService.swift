import StellarAPI
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// `stellar.services.application.v1.Application`.
struct ApplicationService: Sendable {
    var apps: AppCoordinator
    var view: AppsView
    /// What does not work on this node at the moment.
    var problems: @Sendable () async -> [String] = { [] }

    var service: RPCService {
        RPCService(name: StellarMethods.Application.serviceName, methods: contract + streams + inspections)
    }

    /// Those of the original.
    private var contract: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Application.info) { (_: ApplicationInfoRequest, _) in
                var response = ApplicationInfoResponse()
                response.id = StellarMethods.Application.packageName
                return response
            },
            .unary(StellarMethods.Application.create) { (request: ApplicationCreateRequest, _) in
                try await apps.create(try App(request: request)) { _ in }
            },
            .unary(StellarMethods.Application.delete) { (request: ApplicationDeleteRequest, _) in
                try await apps.delete(request.name) { _ in }
            },
            .unary(StellarMethods.Application.restart) { (request: ApplicationRestartRequest, _) in
                try await apps.restart(request.name) { _ in }
            },
            .unary(StellarMethods.Application.list) { (_: ApplicationListRequest, _) in
                var response = ApplicationListResponse()
                response.applications = await view.applications()
                return response
            },
            .unary(StellarMethods.Application.get) { (request: ApplicationGetRequest, _) in
                var response = ApplicationGetResponse()
                response.application = try await view.application(request.name)
                return response
            },
        ]
    }

    private var streams: [RPCMethodHandler] {
        [
            .serverStreaming(StellarMethods.Application.createStream.name) {
                (request: ApplicationCreateRequest, writer, _) in
                try await respond(writer, warnsOfProblems: true) {
                    try await apps.create(try App(request: request), $0)
                }
            },
            .serverStreaming(StellarMethods.Application.scaleStream.name) {
                (request: ApplicationScaleRequest, writer, _) in
                let replicas = Int(clamping: request.replicas)
                try await respond(writer, warnsOfProblems: true) {
                    try await apps.scale(request.name, to: replicas, $0)
                }
            },
            .serverStreaming(StellarMethods.Application.deleteStream.name) {
                (request: ApplicationDeleteRequest, writer, _) in
                try await respond(writer) { try await apps.delete(request.name, $0) }
            },
            .serverStreaming(StellarMethods.Application.restartStream.name) {
                (request: ApplicationRestartRequest, writer, _) in
                try await respond(writer) { try await apps.restart(request.name, $0) }
            },
        ]
    }

    private var inspections: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Application.plan) { (request: ApplicationPlanRequest, _) in
                var response = ApplicationPlanResponse()
                response.steps = try await apps.plan(request)
                return response
            },
            .unary(StellarMethods.Application.why) { (request: ApplicationWhyRequest, _) in
                var response = ApplicationWhyResponse()
                response.lines = try await view.why(request.name)
                return response
            },
        ]
    }

    private func respond(
        _ writer: RPCResponseWriter<ApplicationCreateProgress>,
        warnsOfProblems: Bool = false,
        _ command: @escaping @Sendable (@escaping AppCoordinator.Progress) async throws -> Void
    ) async throws {
        let node = apps.own.id
        do {
            try await ProgressRelay.run(command) { try await writer.send($0.message(own: node)) }
            // It runs, and perhaps not as well as it looks: without a nameserver nobody finds it by name.
            for problem in warnsOfProblems ? await problems() : [] {
                var message = ApplicationCreateProgress()
                message.node = node
                message.message = "warning: \(node): \(problem)"
                try await writer.send(message)
            }
        } catch {
            throw RPCError(of: error)
        }
    }
}
