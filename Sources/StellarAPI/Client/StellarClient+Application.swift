import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.application.v1.Application`.
    public struct Application: Sendable {
        let client: StellarClient

        /// Creates the missing containers of an app. Returns when they run.
        ///
        /// - Throws: `RPCError` with the code and reason of the first replica that does not run.
        public func create(_ request: ApplicationCreateRequest) async throws {
            try await client.send(StellarMethods.Application.create, request)
        }

        /// Creates the missing containers of an app, with progress.
        ///
        /// - Throws: `RPCError`; the code is `RPCCode.unimplemented` if an older daemon has no such RPC.
        public func create(
            _ request: ApplicationCreateRequest,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            try await client.stream(StellarMethods.Application.createStream, request, progress)
        }

        /// Deletes containers and their names.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        public func delete(_ name: String) async throws {
            try await client.send(StellarMethods.Application.delete, ApplicationDeleteRequest.with { $0.name = name })
        }

        /// Deletes containers and their names, with progress, also of what waits for unreachable nodes.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        /// - Throws: `RPCError`; the code is `RPCCode.unimplemented` if an older daemon has no such RPC.
        public func delete(
            _ name: String,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            let request = ApplicationDeleteRequest.with { $0.name = name }
            try await client.stream(StellarMethods.Application.deleteStream, request, progress)
        }

        /// Changes the number of replicas of one service.
        ///
        /// - Parameter name: `app.service`, or `app` if it has one service.
        public func scale(
            _ name: String,
            replicas: UInt64,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            let request = ApplicationScaleRequest.with {
                $0.name = name
                $0.replicas = replicas
            }
            try await client.stream(StellarMethods.Application.scaleStream, request, progress)
        }

        /// The steps of a command, without doing them.
        public func plan(_ request: ApplicationPlanRequest) async throws -> [ApplicationPlanStep] {
            let response: ApplicationPlanResponse = try await client.call(StellarMethods.Application.plan, request)
            return response.steps
        }

        /// An explanation of the state of an app, service or replica, in lines of text.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        public func why(_ name: String) async throws -> [String] {
            let response: ApplicationWhyResponse = try await client.call(
                StellarMethods.Application.why,
                ApplicationWhyRequest.with { $0.name = name }
            )
            return response.lines
        }

        /// All apps in the order of their names, each with one `RuntimeService` per container.
        public func list() async throws -> [ApplicationApp] {
            let response: ApplicationListResponse = try await client.call(
                StellarMethods.Application.list,
                ApplicationListRequest()
            )
            return response.applications
        }

        /// One app by its exact name.
        public func get(_ name: String) async throws -> ApplicationApp {
            let response: ApplicationGetResponse = try await client.call(
                StellarMethods.Application.get,
                ApplicationGetRequest.with { $0.name = name }
            )
            return response.application
        }

        /// Restarts containers.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        public func restart(_ name: String) async throws {
            try await client.send(StellarMethods.Application.restart, ApplicationRestartRequest.with { $0.name = name })
        }

        /// Restarts containers, with progress.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        /// - Throws: `RPCError`; the code is `RPCCode.unimplemented` if an older daemon has no such RPC.
        public func restart(
            _ name: String,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            let request = ApplicationRestartRequest.with { $0.name = name }
            try await client.stream(StellarMethods.Application.restartStream, request, progress)
        }
    }
}
