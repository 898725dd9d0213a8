import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.cluster.v1.Cluster`.
    public struct Cluster: Sendable {
        let client: StellarClient

        /// Containers of all nodes.
        ///
        /// - Parameter filters: containerd filters, one of which must match; none takes all.
        public func containers(filters: [String] = []) async throws -> [ClusterContainer] {
            let response: ClusterContainersResponse = try await client.call(
                StellarMethods.Cluster.containers,
                ClusterContainersRequest.with { $0.filters = filters }
            )
            return response.containers
        }

        /// Images of all nodes.
        public func images() async throws -> [RuntimeImage] {
            let response: ClusterImagesResponse = try await client.call(
                StellarMethods.Cluster.images,
                ClusterImagesRequest()
            )
            return response.images
        }

        /// The answering node first, then its peers.
        public func nodes() async throws -> [ClusterNode] {
            let response: ClusterNodesResponse = try await client.call(
                StellarMethods.Cluster.nodes,
                ClusterNodesRequest()
            )
            return response.nodes
        }

        /// All nodes with their health, in no given order.
        public func health() async throws -> [ClusterNodeHealth] {
            let response: ClusterHealthResponse = try await client.call(
                StellarMethods.Cluster.health,
                ClusterHealthRequest()
            )
            return response.nodes
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
