import StellarAPI
import StellarCore
import StellarNet
import StellarRPC
import SwiftProtobuf

/// `stellar.services.network.v1.Network`: subnets, addresses and routes; `stellar-cni-ipam` is its main client.
struct NetworkService: Sendable {
    var addresses: AddressBook
    var network: NodeNetwork

    var service: RPCService {
        RPCService(name: StellarMethods.Network.serviceName, methods: subnetMethods + addressMethods + routeMethods)
    }

    private var subnetMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Network.info) { (_: NetworkInfoRequest, _) in
                var response = NetworkInfoResponse()
                response.id = StellarMethods.Network.packageName
                return response
            },
            .unary(StellarMethods.Network.allocateSubnet) { (request: NetworkAllocateSubnetRequest, _) in
                var response = NetworkAllocateSubnetResponse()
                response.subnetCidr = try await network.subnet(of: request.node).description
                response.node = request.node
                return response
            },
            .unary(StellarMethods.Network.getSubnet) { (request: NetworkGetSubnetRequest, _) in
                var response = NetworkGetSubnetResponse()
                guard let subnet = await network.knownSubnet(of: request.node) else {
                    throw RPCError(.notFound, "node \"\(request.node)\" has no subnet")
                }
                response.subnetCidr = subnet.description
                return response
            },
            .unary(StellarMethods.Network.deallocateSubnet) { (_: NetworkDeallocateSubnetRequest, _) in
                throw RPCError(
                    .unimplemented,
                    "a subnet belongs to its node; sctl cluster forget NODE releases the subnet of a node that does not come back"
                )
            },
            .unary(StellarMethods.Network.configure) { (_: NetworkConfigureRequest, _) in
                throw RPCError(.unimplemented, "set Subnet in the daemon's configuration instead")
            },
            .unary(StellarMethods.Network.subnets) { (_: Google_Protobuf_Empty, _) in
                var response = NetworkSubnetsResponse()
                response.subnets = await network.allSubnets().map { subnet in
                    var item = NetworkSubnet()
                    item.cidr = subnet.description
                    item.gateway = subnet.gateway?.description ?? ""
                    return item
                }
                return response
            },
        ]
    }

    private var addressMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Network.allocateIP) { (request: NetworkAllocateIPRequest, _) in
                let allocated = try await addresses.allocate([request.id], node: request.node)
                var response = NetworkAllocateIPResponse()
                response.ip = allocated[request.id]?.description ?? ""
                response.node = request.node
                return response
            },
            .unary(StellarMethods.Network.getIP) { (request: NetworkGetIPRequest, _) in
                var response = NetworkGetIPResponse()
                response.ip = await addresses.address(of: request.id, node: request.node)?.description ?? ""
                return response
            },
            .unary(StellarMethods.Network.releaseIP) { (request: NetworkReleaseIPRequest, _) in
                try await addresses.release(request.id, node: request.node)
            },
        ]
    }

    private var routeMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Network.addRoute) { (request: NetworkAddRouteRequest, _) in
                let subnet = try Self.subnet(request.cidr)
                guard let target = IPv4Address(request.target) else {
                    throw RPCError(.invalidArgument, "target \"\(request.target)\" is not an IPv4 address")
                }
                try await network.addRoute(AddedRoute(destination: subnet, target: target))
            },
            .unary(StellarMethods.Network.deleteRoute) { (request: NetworkDeleteRouteRequest, _) in
                try await network.deleteRoute(try Self.subnet(request.cidr))
            },
            .unary(StellarMethods.Network.routes) { (_: Google_Protobuf_Empty, _) in
                var response = NetworkRoutesResponse()
                response.routes = await network.routes().map { route in
                    var item = NetworkRoute()
                    item.cidr = route.destination.description
                    item.target = route.target.description
                    return item
                }
                return response
            },
            .unary(StellarMethods.Network.overview) { (_: NetworkOverviewRequest, _) in
                await network.overview().message()
            },
        ]
    }

    private static func subnet(_ text: String) throws -> IPv4Subnet {
        do {
            return try IPv4Subnet.parse(text)
        } catch {
            throw RPCError(.invalidArgument, "cidr: \(error)")
        }
    }
}
