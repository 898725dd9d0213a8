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
        /// - Parameters:
        ///   - local: whether to return the called node only.
        ///   - withoutPeers: whether to leave out the peers that each node sees, which are n times n for n nodes.
        ///   - withoutProblems: whether to leave out the problems of each node, which the node must search for.
        public func health(
            local: Bool = false,
            withoutPeers: Bool = false,
            withoutProblems: Bool = false
        ) async throws -> [ClusterNodeHealth] {
            let response: ClusterHealthResponse = try await client.call(
                StellarMethods.Cluster.health,
                ClusterHealthRequest.with {
                    $0.local = local
                    $0.withoutPeers = withoutPeers
                    $0.withoutProblems = withoutProblems
                }
            )
            return response.nodes
        }

        /// Makes the called node leave the cluster until its daemon restarts.
        public func leave() async throws {
            try await client.send(StellarMethods.Cluster.leave, Google_Protobuf_Empty())
        }

        /// Makes all nodes forget a node that is dead or has left.
        ///
        /// - Parameter local: whether only the called node forgets it.
        /// - Returns: the outcome on each node.
        public func forget(_ node: String, local: Bool = false) async throws -> [ClusterNodeOutcome] {
            let response: ClusterForgetResponse = try await client.call(
                StellarMethods.Cluster.forget,
                ClusterForgetRequest.with {
                    $0.node = node
                    $0.local = local
                }
            )
            return response.nodes
        }

        /// The fingerprints of the gossip keys.
        ///
        /// - Parameter local: whether to return those of the called node only.
        public func keys(local: Bool = false) async throws -> ClusterKeysResponse {
            try await client.call(StellarMethods.Cluster.keys, ClusterKeysRequest.with { $0.local = local })
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
        ///
        /// - Parameter local: whether to return the row of the called node only.
        public func roundTrips(local: Bool = false) async throws -> [ClusterRoundTripRow] {
            let response: ClusterRoundTripsResponse = try await client.call(
                StellarMethods.Cluster.roundTrips,
                ClusterRoundTripsRequest.with { $0.local = local }
            )
            return response.rows
        }

        /// The state of the replicated store on each node.
        ///
        /// - Parameter local: whether to return that of the called node only.
        public func status(local: Bool = false) async throws -> [ClusterNodeStatus] {
            let response: ClusterStatusResponse = try await client.call(
                StellarMethods.Cluster.status,
                ClusterStatusRequest.with { $0.local = local }
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
        ///
        /// - Parameter local: whether to return those of the called node only.
        public func quarantine(local: Bool = false) async throws -> ClusterQuarantineResponse {
            try await client.call(StellarMethods.Cluster.quarantine, ClusterQuarantineRequest.with { $0.local = local })
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
