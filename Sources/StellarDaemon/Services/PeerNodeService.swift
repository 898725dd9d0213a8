import StellarAPI
import StellarRPC
import StellarRuntime
import SwiftProtobuf

/// `io.stellar.peer.v1.Node`: this node's share of what other nodes do on all nodes.
struct PeerNodeService: Sendable {
    var cluster: ClusterOperations
    var health: HealthService
    var runtime: ContainerRuntime

    var service: RPCService {
        RPCService(name: StellarMethods.PeerNode.serviceName, methods: hostMethods + gossipMethods + storeMethods)
    }

    private var hostMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.PeerNode.health) { (request: PeerNodeHealthRequest, _) in
                var response = PeerNodeHealthResponse()
                response.health = await health.health(request.detail)
                return response
            },
            .unary(StellarMethods.PeerNode.containers) { (request: PeerNodeContainersRequest, _) in
                var response = PeerNodeContainersResponse()
                response.containers = try await runtime.containers(filters: request.filters).map(RuntimeContainer.init)
                return response
            },
            .unary(StellarMethods.PeerNode.images) { (_: Google_Protobuf_Empty, _) in
                var response = PeerNodeImagesResponse()
                response.images = try await runtime.images().map(RuntimeImage.init)
                return response
            },
        ]
    }

    private var gossipMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.PeerNode.forget) { (request: PeerNodeForgetRequest, _) in
                try await cluster.forgetHere(request.node)
            },
            .unary(StellarMethods.PeerNode.keys) { (_: Google_Protobuf_Empty, _) in
                var response = PeerNodeKeysResponse()
                response.keys = await cluster.keysHere().map { key in
                    var message = PeerNodeKeysResponse.Key()
                    (message.fingerprint, message.size) = (key.fingerprint, UInt32(key.size))
                    return message
                }
                return response
            },
            .unary(StellarMethods.PeerNode.changeKeys) { (request: PeerNodeChangeKeysRequest, _) in
                let change = try GossipKeyChange(request.change, key: request.key, fingerprint: request.fingerprint)
                _ = try await cluster.changeKeyHere(change)
            },
            .unary(StellarMethods.PeerNode.roundTrips) { (_: Google_Protobuf_Empty, _) in
                var response = PeerNodeRoundTripsResponse()
                response.roundTrips = ClusterRoundTrip.all(await cluster.gossip.roundTrips())
                return response
            },
        ]
    }

    private var storeMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.PeerNode.storeStatus) { (_: Google_Protobuf_Empty, _) in
                var response = PeerNodeStoreStatusResponse()
                response.store = cluster.storeHere()
                return response
            },
            .unary(StellarMethods.PeerNode.quarantine) { (_: Google_Protobuf_Empty, _) in
                var response = PeerNodeQuarantineResponse()
                response.writes = cluster.quarantineHere()
                return response
            },
            .unary(StellarMethods.PeerNode.changeQuarantine) { (request: PeerNodeChangeQuarantineRequest, _) in
                try await cluster.changeQuarantineHere(try QuarantineChange(request.change), request.ids)
            },
        ]
    }
}
