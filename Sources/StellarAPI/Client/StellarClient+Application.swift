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
    }
}
