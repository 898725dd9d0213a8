import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.network.v1.Network`.
    public struct Network: Sendable {
        let client: StellarClient

        /// The subnet of a node in CIDR form. Claims one if the node has none.
        public func allocateSubnet(node: String) async throws -> String {
            let response: NetworkAllocateSubnetResponse = try await client.call(
                StellarMethods.Network.allocateSubnet,
                NetworkAllocateSubnetRequest.with { $0.node = node }
            )
            return response.subnetCidr
        }

        /// The subnet of a node in CIDR form; empty if it has none.
        public func subnet(node: String) async throws -> String {
            let response: NetworkGetSubnetResponse = try await client.call(
                StellarMethods.Network.getSubnet,
                NetworkGetSubnetRequest.with { $0.node = node }
            )
            return response.subnetCidr
        }

        /// Releases the subnet of a node.
        public func deallocateSubnet(_ cidr: String, node: String) async throws {
            try await client.send(
                StellarMethods.Network.deallocateSubnet,
                NetworkDeallocateSubnetRequest.with {
                    $0.subnetCidr = cidr
                    $0.node = node
                }
            )
        }

        /// Sets up a subnet on the node.
        public func configure(_ subnet: NetworkSubnet) async throws {
            try await client.send(
                StellarMethods.Network.configure,
                NetworkConfigureRequest.with { $0.subnet = subnet }
            )
        }

        /// The subnets of the cluster's network.
        public func subnets() async throws -> [NetworkSubnet] {
            let response: NetworkSubnetsResponse = try await client.call(
                StellarMethods.Network.subnets,
                Google_Protobuf_Empty()
            )
            return response.subnets
        }

        /// Allocates the IPv4 address of a container. The same node and id always get the same address.
        public func allocateIP(id: String, subnet: String, node: String) async throws -> String {
            let response: NetworkAllocateIPResponse = try await client.call(
                StellarMethods.Network.allocateIP,
                NetworkAllocateIPRequest.with {
                    $0.id = id
                    $0.subnetCidr = subnet
                    $0.node = node
                }
            )
            return response.ip
        }

        /// The IPv4 address of a container; empty if it has none.
        public func ip(id: String, node: String) async throws -> String {
            let response: NetworkGetIPResponse = try await client.call(
                StellarMethods.Network.getIP,
                NetworkGetIPRequest.with {
                    $0.id = id
                    $0.node = node
                }
            )
            return response.ip
        }

        /// Releases the address of a container.
        public func releaseIP(id: String, node: String) async throws {
            try await client.send(
                StellarMethods.Network.releaseIP,
                NetworkReleaseIPRequest.with {
                    $0.id = id
                    $0.node = node
                }
            )
        }

        /// Adds or replaces the route to a subnet.
        public func addRoute(_ cidr: String, target: String) async throws {
            try await client.send(
                StellarMethods.Network.addRoute,
                NetworkAddRouteRequest.with {
                    $0.cidr = cidr
                    $0.target = target
                }
            )
        }

        /// Removes the route to a subnet.
        public func deleteRoute(_ cidr: String) async throws {
            try await client.send(
                StellarMethods.Network.deleteRoute,
                NetworkDeleteRouteRequest.with { $0.cidr = cidr }
            )
        }

        /// The cluster's network, as the called node sees it.
        public func overview() async throws -> NetworkOverviewResponse {
            try await client.call(StellarMethods.Network.overview, NetworkOverviewRequest())
        }

        /// All routes.
        public func routes() async throws -> [NetworkRoute] {
            let response: NetworkRoutesResponse = try await client.call(
                StellarMethods.Network.routes,
                Google_Protobuf_Empty()
            )
            return response.routes
        }
    }
}
