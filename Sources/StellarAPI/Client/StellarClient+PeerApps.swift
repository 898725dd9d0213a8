import SwiftProtobuf

extension StellarClient {
    /// The RPCs about apps between daemons.
    package var peerApps: PeerApps { .init(client: self) }

    /// `io.stellar.peer.v1.Apps`. The last event of each stream has an outcome.
    package struct PeerApps: Sendable {
        let client: StellarClient

        /// The record of an app, if the called node has a newer one.
        package func newest(_ request: PeerAppNewestRequest) async throws -> PeerAppNewestResponse {
            try await client.call(StellarMethods.PeerApps.newest, request)
        }

        /// Pulls images on the called node.
        package func prepare(_ request: PeerAppPrepareRequest, _ body: (PeerAppEvent) async throws -> Void) async throws
        {
            try await client.stream(StellarMethods.PeerApps.prepare, request, body)
        }

        /// Applies a record on the called node, which does its share.
        package func apply(_ request: PeerAppApplyRequest, _ body: (PeerAppEvent) async throws -> Void) async throws {
            try await client.stream(StellarMethods.PeerApps.apply, request, body)
        }

        /// Stops and starts slots of the called node.
        package func restart(_ request: PeerAppRestartRequest, _ body: (PeerAppEvent) async throws -> Void) async throws
        {
            try await client.stream(StellarMethods.PeerApps.restart, request, body)
        }
    }
}
