import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.cluster.v1.Cluster`.
    public struct Cluster: Sendable {
        let client: StellarClient

        /// The containers of all reachable nodes, and the unreachable nodes.
        ///
        /// - Parameter filters: containerd filters, one of which must match; an empty list matches all.
        public func containers(filters: [String] = []) async throws -> ClusterContainersResponse {
            try await client.call(
                StellarMethods.Cluster.containers,
                ClusterContainersRequest.with { $0.filters = filters }
            )
        }

        /// The images of all reachable nodes, each once, and the unreachable nodes.
        public func images() async throws -> ClusterImagesResponse {
            try await client.call(StellarMethods.Cluster.images, ClusterImagesRequest())
        }

        /// The called node, then its peers.
        public func nodes() async throws -> [ClusterNode] {
            let response: ClusterNodesResponse = try await client.call(
                StellarMethods.Cluster.nodes,
                ClusterNodesRequest()
            )
            return response.nodes
        }

        /// All nodes with their health, in any order; an unreachable node has none.
        ///
        /// - Parameter detail: how much of each node's health to return. The peers that each node sees are n times n for
        ///   n nodes, and a node must search for its problems.
        public func health(_ detail: ClusterHealthRequest.Detail = .all) async throws -> [ClusterNodeHealth] {
            let response: ClusterHealthResponse = try await client.call(
                StellarMethods.Cluster.health,
                ClusterHealthRequest.with { $0.detail = detail }
            )
            return response.nodes
        }

        /// Makes the called node leave the cluster until its daemon restarts.
        public func leave() async throws {
            try await client.send(StellarMethods.Cluster.leave, Google_Protobuf_Empty())
        }

        /// Makes all nodes forget a node that is dead or has left.
        ///
        /// - Returns: the outcome on each node.
        public func forget(_ node: String) async throws -> [ClusterNodeOutcome] {
            let response: ClusterForgetResponse = try await client.call(
                StellarMethods.Cluster.forget,
                ClusterForgetRequest.with { $0.node = node }
            )
            return response.nodes
        }

        /// The fingerprints of the gossip keys of all nodes.
        public func keys() async throws -> ClusterKeysResponse {
            try await client.call(StellarMethods.Cluster.keys, ClusterKeysRequest())
        }

        /// Adds, uses or removes a gossip key.
        public func changeKeys(_ request: ClusterChangeKeysRequest) async throws -> ClusterChangeKeysResponse {
            try await client.call(StellarMethods.Cluster.changeKeys, request)
        }

        /// The peers that the called node tries to join, each with its state.
        public func peers() async throws -> [ClusterPeer] {
            let response: ClusterPeersResponse = try await client.call(
                StellarMethods.Cluster.peers,
                ClusterPeersRequest()
            )
            return response.peers
        }

        /// Estimated round trips between nodes, one row for each node that measures.
        public func roundTrips() async throws -> [ClusterRoundTripRow] {
            let response: ClusterRoundTripsResponse = try await client.call(
                StellarMethods.Cluster.roundTrips,
                ClusterRoundTripsRequest()
            )
            return response.rows
        }

        /// The state of the replicated store on each node.
        public func status() async throws -> [ClusterNodeStatus] {
            let response: ClusterStatusResponse = try await client.call(
                StellarMethods.Cluster.status,
                ClusterStatusRequest()
            )
            return response.nodes
        }

        /// Waits until all alive nodes have the writes of the called node up to now.
        ///
        /// - Parameter limit: the longest wait; nodes that still lack writes are returned as such.
        /// - Returns: an entry for each other node.
        public func converge(within limit: Duration) async throws -> [ClusterConvergence] {
            let response: ClusterConvergeResponse = try await client.call(
                StellarMethods.Cluster.converge,
                ClusterConvergeRequest.with {
                    $0.limit.seconds = limit.components.seconds
                    $0.limit.nanos = Int32(limit.components.attoseconds / 1_000_000_000)
                }
            )
            return response.nodes
        }

        /// The quarantined writes, each once, with the nodes that hold it.
        public func quarantine() async throws -> ClusterQuarantineResponse {
            try await client.call(StellarMethods.Cluster.quarantine, ClusterQuarantineRequest())
        }

        /// Applies or drops quarantined writes.
        public func changeQuarantine(
            _ request: ClusterChangeQuarantineRequest
        ) async throws -> ClusterChangeQuarantineResponse {
            try await client.call(StellarMethods.Cluster.changeQuarantine, request)
        }
    }

    /// `stellar.services.health.v1.Health`.
    public struct Health: Sendable {
        let client: StellarClient

        /// The health of the called node.
        public func health() async throws -> HealthNodeHealth {
            let response: HealthHealthResponse = try await client.call(
                StellarMethods.Health.health,
                Google_Protobuf_Empty()
            )
            return response.health
        }
    }

    /// `stellar.services.scheduler.v1.Scheduler`.
    public struct Scheduler: Sendable {
        let client: StellarClient

        /// The node of each replica. A node may occur several times.
        public func schedule(_ service: RuntimeService, on nodes: [ClusterNode]) async throws -> [ClusterNode] {
            let response: SchedulerScheduleResponse = try await client.call(
                StellarMethods.Scheduler.schedule,
                SchedulerScheduleRequest.with {
                    $0.service = service
                    $0.availableNodes = nodes
                }
            )
            return response.nodes
        }
    }
}
