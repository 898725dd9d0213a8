import StellarRPC
import SwiftProtobuf

extension StellarClient {
    /// The RPCs about one node between daemons.
    package var peerNode: PeerNode { .init(client: self) }

    /// `io.stellar.peer.v1.Node`.
    package struct PeerNode: Sendable {
        let client: StellarClient

        /// The health of the called node.
        package func health(_ detail: ClusterHealthRequest.Detail) async throws -> HealthNodeHealth {
            let response: PeerNodeHealthResponse = try await client.call(
                StellarMethods.PeerNode.health,
                PeerNodeHealthRequest.with { $0.detail = detail }
            )
            return response.health
        }

        /// The containers of the called node.
        ///
        /// - Parameter filters: containerd filters, one of which must match; an empty list matches all.
        package func containers(filters: [String]) async throws -> [RuntimeContainer] {
            let response: PeerNodeContainersResponse = try await client.call(
                StellarMethods.PeerNode.containers,
                PeerNodeContainersRequest.with { $0.filters = filters }
            )
            return response.containers
        }

        /// The images of the called node.
        package func images() async throws -> [RuntimeImage] {
            let response: PeerNodeImagesResponse = try await get(StellarMethods.PeerNode.images)
            return response.images
        }

        /// Makes the called node forget a node that is dead or has left.
        package func forget(_ node: String) async throws {
            try await client.send(StellarMethods.PeerNode.forget, PeerNodeForgetRequest.with { $0.node = node })
        }

        /// The gossip keys of the called node by fingerprint, the primary one first.
        package func keys() async throws -> [PeerNodeKeysResponse.Key] {
            let response: PeerNodeKeysResponse = try await get(StellarMethods.PeerNode.keys)
            return response.keys
        }

        /// Adds, uses or removes a gossip key on the called node.
        package func changeKeys(_ request: PeerNodeChangeKeysRequest) async throws {
            try await client.send(StellarMethods.PeerNode.changeKeys, request)
        }

        /// The round trips that the called node measured.
        package func roundTrips() async throws -> [ClusterRoundTrip] {
            let response: PeerNodeRoundTripsResponse = try await get(StellarMethods.PeerNode.roundTrips)
            return response.roundTrips
        }

        /// How far the called node's copy of the replicated store is.
        package func storeStatus() async throws -> ClusterStoreStatus {
            let response: PeerNodeStoreStatusResponse = try await get(StellarMethods.PeerNode.storeStatus)
            return response.store
        }

        /// The writes that the called node quarantined.
        package func quarantine() async throws -> [ClusterQuarantined] {
            let response: PeerNodeQuarantineResponse = try await get(StellarMethods.PeerNode.quarantine)
            return response.writes
        }

        /// Applies or drops writes that the called node quarantined.
        package func changeQuarantine(_ request: PeerNodeChangeQuarantineRequest) async throws {
            try await client.send(StellarMethods.PeerNode.changeQuarantine, request)
        }

        private func get<Response: Message>(_ method: RPCMethod) async throws -> Response {
            try await client.call(method, Google_Protobuf_Empty())
        }
    }
}
