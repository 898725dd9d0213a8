import SwiftProtobuf

extension StellarClient {
    /// What daemons ask of each other about apps.
    public var peerApps: PeerApps { .init(client: self) }

    /// `io.stellar.peer.v1.Apps`. The last event of each stream has an outcome.
    public struct PeerApps: Sendable {
        let client: StellarClient

        /// The record of an app, where that node has a newer one.
        public func newest(_ request: PeerAppNewestRequest) async throws -> PeerAppNewestResponse {
            try await client.call(StellarMethods.PeerApps.newest, request)
        }

        /// Pulls images.
        public func prepare(_ request: PeerAppPrepareRequest, _ body: (PeerAppEvent) async throws -> Void) async throws
        {
            try await client.stream(StellarMethods.PeerApps.prepare, request, body)
        }

        /// Takes a record over and does that node's part of it.
        public func apply(_ request: PeerAppApplyRequest, _ body: (PeerAppEvent) async throws -> Void) async throws {
            try await client.stream(StellarMethods.PeerApps.apply, request, body)
        }

        /// Stops and starts slots.
        public func restart(_ request: PeerAppRestartRequest, _ body: (PeerAppEvent) async throws -> Void) async throws
        {
            try await client.stream(StellarMethods.PeerApps.restart, request, body)
        }
    }
}
