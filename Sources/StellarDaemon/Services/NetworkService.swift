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
            .answering(StellarMethods.Network.info) { (_: NetworkInfoRequest) in
                var answer = NetworkInfoResponse()
                answer.id = StellarMethods.Network.packageName
                return answer
            },
            .answering(StellarMethods.Network.allocateSubnet) { (question: NetworkAllocateSubnetRequest) in
                var answer = NetworkAllocateSubnetResponse()
                answer.subnetCidr = try await network.subnet(of: question.node).description
                answer.node = question.node
                return answer
            },
            .answering(StellarMethods.Network.getSubnet) { (question: NetworkGetSubnetRequest) in
                var answer = NetworkGetSubnetResponse()
                guard let subnet = await network.knownSubnet(of: question.node) else {
                    throw RPCError(.notFound, "node \"\(question.node)\" has no subnet")
                }
                answer.subnetCidr = subnet.description
                return answer
            },
            .acting(StellarMethods.Network.deallocateSubnet) { (_: NetworkDeallocateSubnetRequest) in
                throw RPCError(
                    .unimplemented,
                    "a subnet belongs to its node; cluster forget gives back that of one that is gone"
                )
            },
            .acting(StellarMethods.Network.configure) { (_: NetworkConfigureRequest) in
                throw RPCError(.unimplemented, "set Subnet in the daemon's configuration instead")
            },
            .answering(StellarMethods.Network.subnets) { (_: Google_Protobuf_Empty) in
                var answer = NetworkSubnetsResponse()
                answer.subnets = await network.allSubnets().map { subnet in
                    var item = NetworkSubnet()
                    item.cidr = subnet.description
                    item.gateway = subnet.gateway?.description ?? ""
                    return item
                }
                return answer
            },
        ]
    }

    private var addressMethods: [RPCMethodHandler] {
        [
            .answering(StellarMethods.Network.allocateIP) { (question: NetworkAllocateIPRequest) in
                let allocated = try await addresses.allocate([question.id], node: question.node)
                var answer = NetworkAllocateIPResponse()
                answer.ip = allocated[question.id]?.description ?? ""
                answer.node = question.node
                return answer
            },
            .answering(StellarMethods.Network.getIP) { (question: NetworkGetIPRequest) in
                var answer = NetworkGetIPResponse()
                answer.ip = await addresses.address(of: question.id, node: question.node)?.description ?? ""
                return answer
            },
            .acting(StellarMethods.Network.releaseIP) { (question: NetworkReleaseIPRequest) in
                try await addresses.release(question.id, node: question.node)
            },
        ]
    }

    private var routeMethods: [RPCMethodHandler] {
        [
            .acting(StellarMethods.Network.addRoute) { (question: NetworkAddRouteRequest) in
                let subnet = try Self.subnet(question.cidr)
                guard let target = IPv4Address(question.target) else {
                    throw RPCError(.invalidArgument, "target \"\(question.target)\" is not an IPv4 address")
                }
                try await network.addRoute(AddedRoute(destination: subnet, target: target))
            },
            .acting(StellarMethods.Network.deleteRoute) { (question: NetworkDeleteRouteRequest) in
                try await network.deleteRoute(try Self.subnet(question.cidr))
            },
            .answering(StellarMethods.Network.routes) { (_: Google_Protobuf_Empty) in
                var answer = NetworkRoutesResponse()
                answer.routes = await network.routes().map { route in
                    var item = NetworkRoute()
                    item.cidr = route.destination.description
                    item.target = route.target.description
                    return item
                }
                return answer
            },
            .answering(StellarMethods.Network.overview) { (_: NetworkOverviewRequest) in
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
