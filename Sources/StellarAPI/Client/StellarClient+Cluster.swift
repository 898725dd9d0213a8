import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.cluster.v1.Cluster`.
    public struct Cluster: Sendable {
        let client: StellarClient

        /// Containers of all nodes that answer, and the nodes that do not.
        ///
        /// - Parameter filters: containerd filters, one of which must match; none takes all.
        public func containers(filters: [String] = []) async throws -> ClusterContainersResponse {
            try await client.call(
                StellarMethods.Cluster.containers,
                ClusterContainersRequest.with { $0.filters = filters }
            )
        }

        /// Images of all nodes that answer, each once, and the nodes that do not.
        public func images() async throws -> ClusterImagesResponse {
            try await client.call(StellarMethods.Cluster.images, ClusterImagesRequest())
        }

        /// The answering node first, then its peers.
        public func nodes() async throws -> [ClusterNode] {
            let response: ClusterNodesResponse = try await client.call(
                StellarMethods.Cluster.nodes,
                ClusterNodesRequest()
            )
            return response.nodes
        }

        /// All nodes with their health, in no given order; a node that does not answer has none.
        ///
        /// - Parameters:
        ///   - local: Only the answering node.
        ///   - withoutPeers: Leaves the peers out that each node sees, which of n nodes are n times n.
        ///   - withoutProblems: Leaves out what does not work on each node, which it has to look for.
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

        /// Takes the answering node out of the cluster until it starts again.
        public func leave() async throws {
            try await client.send(StellarMethods.Cluster.leave, Google_Protobuf_Empty())
        }

        /// Makes nodes forget one that is dead or has left.
        ///
        /// - Parameter local: Only the answering node.
        /// - Returns: What each node did.
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

        /// The gossip keys, by their fingerprints.
        ///
        /// - Parameter local: Only those of the answering node.
        public func keys(local: Bool = false) async throws -> ClusterKeysResponse {
            try await client.call(StellarMethods.Cluster.keys, ClusterKeysRequest.with { $0.local = local })
        }

        /// Adds, uses or removes a gossip key.
        public func changeKeys(_ request: ClusterChangeKeysRequest) async throws -> ClusterChangeKeysResponse {
            try await client.call(StellarMethods.Cluster.changeKeys, request)
        }

        /// Whom the answering node tries to join, and how that goes.
        public func peers() async throws -> [ClusterPeer] {
            let response: ClusterPeersResponse = try await client.call(
                StellarMethods.Cluster.peers,
                ClusterPeersRequest()
            )
            return response.peers
        }

        /// Estimated round trips between nodes, one row for each that measured.
        ///
        /// - Parameter local: Only the row of the answering node.
        public func roundTrips(local: Bool = false) async throws -> [ClusterRoundTripRow] {
            let response: ClusterRoundTripsResponse = try await client.call(
                StellarMethods.Cluster.roundTrips,
                ClusterRoundTripsRequest.with { $0.local = local }
            )
            return response.rows
        }

        /// How far each node's copy of the replicated store is.
        ///
        /// - Parameter local: Only the answering node's.
        public func status(local: Bool = false) async throws -> [ClusterNodeStatus] {
            let response: ClusterStatusResponse = try await client.call(
                StellarMethods.Cluster.status,
                ClusterStatusRequest.with { $0.local = local }
            )
            return response.nodes
        }

        /// Waits until the live nodes have what the answering one has written until now.
        ///
        /// - Parameter limit: After it, what is not reached is told as it is.
        /// - Returns: One for each other node.
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

        /// The writes that nodes keep aside, each once, with who does.
        ///
        /// - Parameter local: Only those of the answering node.
        public func quarantine(local: Bool = false) async throws -> ClusterQuarantineResponse {
            try await client.call(StellarMethods.Cluster.quarantine, ClusterQuarantineRequest.with { $0.local = local })
        }

        /// Says what is to become of writes that are kept aside.
        public func changeQuarantine(
            _ request: ClusterChangeQuarantineRequest
        ) async throws -> ClusterChangeQuarantineResponse {
            try await client.call(StellarMethods.Cluster.changeQuarantine, request)
        }
    }

    /// `stellar.services.health.v1.Health`.
    public struct Health: Sendable {
        let client: StellarClient

        /// The answering node.
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

        /// The node of each replica; a node may appear more than once.
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
