import StellarAPI
import StellarRPC
import StellarRuntime
import SwiftProtobuf

/// `stellar.services.cluster.v1.Cluster`: what all nodes are and have. A node that does not respond is shown as such; no call
/// fails because of it, or waits longer than ``ClusterOperations/limit``.
struct ClusterService: Sendable {
    var cluster: ClusterOperations
    var health: HealthService
    var runtime: ContainerRuntime

    var service: RPCService {
        RPCService(
            name: StellarMethods.Cluster.serviceName,
            methods: nodeMethods + [containers, images] + membershipMethods + keyMethods + storeMethods
                + quarantineMethods
        )
    }

    private var nodeMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.info) { (_: ClusterInfoRequest, _) in
                var response = ClusterInfoResponse()
                response.id = StellarMethods.Cluster.packageName
                return response
            },
            .unary(StellarMethods.Cluster.nodes) { (_: ClusterNodesRequest, _) in
                var response = ClusterNodesResponse()
                response.nodes = await cluster.nodes().map { $0.message(now: WallClock.now()) }
                return response
            },
            .unary(StellarMethods.Cluster.health) { (request: ClusterHealthRequest, _) in
                var response = ClusterHealthResponse()
                let shares = await cluster.everywhere {
                    await health.health(request.detail)
                } there: {
                    try await $0.health(request.detail)
                }
                response.nodes = shares.map { share in
                    var item = ClusterNodeHealth()
                    item.node = share.observed.message(now: WallClock.now())
                    if let health = share.value { item.health = health }
                    return item
                }
                return response
            },
        ]
    }

    private var containers: RPCMethodHandler {
        .unary(StellarMethods.Cluster.containers) { (request: ClusterContainersRequest, _) in
            let shares = await cluster.everywhere {
                try await runtime.containers(filters: request.filters).map(RuntimeContainer.init)
            } there: {
                try await $0.containers(filters: request.filters)
            }
            var response = ClusterContainersResponse()
            response.missing = try Self.missing(shares)
            for share in shares {
                response.containers += (share.value ?? []).map { container in
                    var item = ClusterContainer()
                    item.container = container
                    item.node.id = share.node.id
                    item.node.address = share.node.address
                    return item
                }
            }
            return response
        }
    }

    private var images: RPCMethodHandler {
        .unary(StellarMethods.Cluster.images) { (_: ClusterImagesRequest, _) in
            let shares = await cluster.everywhere {
                try await runtime.images().map(RuntimeImage.init)
            } there: {
                try await $0.images()
            }
            var response = ClusterImagesResponse()
            response.missing = try Self.missing(shares)
            // One image is on many nodes.
            var seen: Set<[String]> = []
            response.images = shares.flatMap { $0.value ?? [] }.filter { seen.insert([$0.id, $0.digest]).inserted }
            return response
        }
    }

    /// The nodes whose share is missing, with the reason.
    ///
    /// - Throws: the failure of this node, if no node did its share.
    private static func missing<Item>(_ shares: [NodeShare<[Item]>]) throws -> [ClusterNode] {
        if let failure = shares.first(where: \.node.isSelf)?.failure, shares.allSatisfy({ $0.value == nil }) {
            throw failure
        }
        let dead = shares.map(\.node).filter { $0.status == .dead }
        let failed = shares.compactMap { share in
            share.failure.map { failure in
                let isSilent = failure.code == .deadlineExceeded && !share.node.isSelf
                return isSilent ? share.observed : share.node.without(failure.message)
            }
        }
        return (dead + failed).map { $0.message(now: WallClock.now()) }
    }

    private var membershipMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.leave) { (_: Google_Protobuf_Empty, _) in await cluster.gossip.leave() },
            .unary(StellarMethods.Cluster.forget) { (request: ClusterForgetRequest, _) in
                var response = ClusterForgetResponse()
                response.nodes = try await cluster.forget(request.node).map(ClusterNodeOutcome.init)
                return response
            },
            .unary(StellarMethods.Cluster.peers) { (_: ClusterPeersRequest, _) in
                var response = ClusterPeersResponse()
                let nodes = await cluster.nodes()
                response.peers = await cluster.gossip.peers().map { peer in
                    peer.message(nodes: nodes, now: WallClock.now())
                }
                return response
            },
            .unary(StellarMethods.Cluster.roundTrips) { (_: ClusterRoundTripsRequest, _) in
                var response = ClusterRoundTripsResponse()
                response.rows = await cluster.roundTrips().compactMap(ClusterRoundTripRow.init)
                return response
            },
        ]
    }

    private var storeMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.status) { (_: ClusterStatusRequest, _) in
                var response = ClusterStatusResponse()
                response.nodes = await cluster.status(now: WallClock.now())
                return response
            },
            .unary(StellarMethods.Cluster.converge) { (request: ClusterConvergeRequest, _) in
                let limit =
                    request.hasLimit
                    ? Duration.seconds(max(request.limit.seconds, 0))
                        + .nanoseconds(Int64(max(request.limit.nanos, 0)))
                    : ClusterOperations.convergeLimit
                var response = ClusterConvergeResponse()
                response.nodes = await cluster.converge(limit: limit).map(ClusterConvergence.init)
                return response
            },
        ]
    }

    private var quarantineMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.quarantine) { (_: ClusterQuarantineRequest, _) in
                let (writes, outcomes) = await cluster.quarantine()
                var response = ClusterQuarantineResponse()
                response.writes = writes
                response.nodes = outcomes.map(ClusterNodeOutcome.init)
                return response
            },
            .unary(StellarMethods.Cluster.changeQuarantine) { (request: ClusterChangeQuarantineRequest, _) in
                let change = try QuarantineChange(request.change)
                let (writes, outcomes) = try await cluster.changeQuarantine(change, request.writes)
                var response = ClusterChangeQuarantineResponse()
                response.writes = writes
                response.nodes = outcomes.map(ClusterNodeOutcome.init)
                return response
            },
        ]
    }

    private var keyMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.keys) { (_: ClusterKeysRequest, _) in
                let (rings, outcomes) = await cluster.keys()
                var response = ClusterKeysResponse()
                response.keys = KeyRotation.table(rings)
                response.nodes = outcomes.map(ClusterNodeOutcome.init)
                return response
            },
            .unary(StellarMethods.Cluster.changeKeys) { (request: ClusterChangeKeysRequest, _) in
                let change = try GossipKeyChange(request.change, key: request.key, fingerprint: request.fingerprint)
                let (fingerprint, outcomes) = try await cluster.changeKey(change)
                var response = ClusterChangeKeysResponse()
                response.fingerprint = fingerprint
                response.nodes = outcomes.map(ClusterNodeOutcome.init)
                return response
            },
        ]
    }
}
