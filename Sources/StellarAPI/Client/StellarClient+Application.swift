import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.application.v1.Application`.
    public struct Application: Sendable {
        let client: StellarClient

        /// Makes the app's missing containers and returns when they run.
        ///
        /// - Throws: `RPCError`, with the code and the reason of the first slot that does not run.
        public func create(_ request: ApplicationCreateRequest) async throws {
            try await client.send(StellarMethods.Application.create, request)
        }

        /// `create` that tells how far it is. Older daemons answer `RPCCode.unimplemented`.
        public func create(
            _ request: ApplicationCreateRequest,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            try await client.stream(StellarMethods.Application.createStream, request, progress)
        }

        /// Removes containers and names.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        public func delete(_ name: String) async throws {
            try await client.send(StellarMethods.Application.delete, ApplicationDeleteRequest.with { $0.name = name })
        }

        /// `delete` that tells how far it is, and what waits for nodes that are away. Older daemons answer
        /// `RPCCode.unimplemented`.
        public func delete(
            _ name: String,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            let request = ApplicationDeleteRequest.with { $0.name = name }
            try await client.stream(StellarMethods.Application.deleteStream, request, progress)
        }

        /// Changes the number of replicas of one service.
        ///
        /// - Parameter name: `app.service`, or `app` where it has one service alone.
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

        /// What a command would do. Nothing is changed.
        public func plan(_ request: ApplicationPlanRequest) async throws -> [ApplicationPlanStep] {
            let response: ApplicationPlanResponse = try await client.call(StellarMethods.Application.plan, request)
            return response.steps
        }

        /// Why something is as it is, in lines of words.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        public func why(_ name: String) async throws -> [String] {
            let response: ApplicationWhyResponse = try await client.call(
                StellarMethods.Application.why,
                ApplicationWhyRequest.with { $0.name = name }
            )
            return response.lines
        }

        /// All apps by name, with one `RuntimeService` per container.
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

        /// Stops and starts containers.
        ///
        /// - Parameter name: `app`, `app.service` or `app.service.replica`.
        public func restart(_ name: String) async throws {
            try await client.send(StellarMethods.Application.restart, ApplicationRestartRequest.with { $0.name = name })
        }

        /// `restart` that tells how far it is. Older daemons answer `RPCCode.unimplemented`.
        public func restart(
            _ name: String,
            progress: (ApplicationCreateProgress) async throws -> Void
        ) async throws {
            let request = ApplicationRestartRequest.with { $0.name = name }
            try await client.stream(StellarMethods.Application.restartStream, request, progress)
        }
    }
}
