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
        RPCService(name: StellarMethods.Application.serviceName, methods: contract + streams + questions)
    }

    /// Those of the original.
    private var contract: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Application.info) { (_: ApplicationInfoRequest, _) in
                var answer = ApplicationInfoResponse()
                answer.id = StellarMethods.Application.packageName
                return answer
            },
            .unary(StellarMethods.Application.create) { (question: ApplicationCreateRequest, _) in
                try await apps.create(try App(request: question)) { _ in }
            },
            .unary(StellarMethods.Application.delete) { (question: ApplicationDeleteRequest, _) in
                try await apps.delete(question.name) { _ in }
            },
            .unary(StellarMethods.Application.restart) { (question: ApplicationRestartRequest, _) in
                try await apps.restart(question.name) { _ in }
            },
            .unary(StellarMethods.Application.list) { (_: ApplicationListRequest, _) in
                var answer = ApplicationListResponse()
                answer.applications = await view.applications()
                return answer
            },
            .unary(StellarMethods.Application.get) { (question: ApplicationGetRequest, _) in
                var answer = ApplicationGetResponse()
                answer.application = try await view.application(question.name)
                return answer
            },
        ]
    }

    private var streams: [RPCMethodHandler] {
        [
            .serverStreaming(StellarMethods.Application.createStream.name) {
                (question: ApplicationCreateRequest, writer, _) in
                try await answer(writer, warnsOfProblems: true) {
                    try await apps.create(try App(request: question), $0)
                }
            },
            .serverStreaming(StellarMethods.Application.scaleStream.name) {
                (question: ApplicationScaleRequest, writer, _) in
                let replicas = Int(clamping: question.replicas)
                try await answer(writer, warnsOfProblems: true) {
                    try await apps.scale(question.name, to: replicas, $0)
                }
            },
            .serverStreaming(StellarMethods.Application.deleteStream.name) {
                (question: ApplicationDeleteRequest, writer, _) in
                try await answer(writer) { try await apps.delete(question.name, $0) }
            },
            .serverStreaming(StellarMethods.Application.restartStream.name) {
                (question: ApplicationRestartRequest, writer, _) in
                try await answer(writer) { try await apps.restart(question.name, $0) }
            },
        ]
    }

    private var questions: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Application.plan) { (question: ApplicationPlanRequest, _) in
                var answer = ApplicationPlanResponse()
                answer.steps = try await apps.plan(question)
                return answer
            },
            .unary(StellarMethods.Application.why) { (question: ApplicationWhyRequest, _) in
                var answer = ApplicationWhyResponse()
                answer.lines = try await view.why(question.name)
                return answer
            },
        ]
    }

    private func answer(
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
