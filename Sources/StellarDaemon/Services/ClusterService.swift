import StellarAPI
import StellarCore
import StellarGossip
import StellarRPC
import StellarRuntime
import SwiftProtobuf

/// `stellar.services.cluster.v1.Cluster`: what all nodes are and have. A node that does not answer is shown as such, and
/// makes no call fail, nor wait longer than ``ClusterOperations/limit``.
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
                var answer = ClusterInfoResponse()
                answer.id = StellarMethods.Cluster.packageName
                return answer
            },
            .unary(StellarMethods.Cluster.nodes) { (_: ClusterNodesRequest, _) in
                var answer = ClusterNodesResponse()
                answer.nodes = await cluster.nodes().map { $0.message(now: WallClock.now()) }
                return answer
            },
            .unary(StellarMethods.Cluster.health) { (question: ClusterHealthRequest, _) in
                var answer = ClusterHealthResponse()
                answer.nodes = await nodesWithHealth(question)
                return answer
            },
        ]
    }

    private func nodesWithHealth(_ question: ClusterHealthRequest) async -> [ClusterNodeHealth] {
        let (withoutPeers, withoutProblems) = (question.withoutPeers, question.withoutProblems)
        let all = question.local ? [NodeView.itself(cluster.own)] : await cluster.nodes()
        var answers: [String: Result<HealthNodeHealth, RPCError>] = [:]
        let others = await cluster.ask(all) { client in
            let answer = try await client.cluster.health(
                local: true,
                withoutPeers: withoutPeers,
                withoutProblems: withoutProblems
            )
            return answer.first?.health ?? HealthNodeHealth()
        }
        for (node, answer) in others { answers[node.id] = answer }
        var found: [ClusterNodeHealth] = []
        for node in all {
            var item = ClusterNodeHealth()
            item.node = node.message(now: WallClock.now())
            switch answers[node.id] {
            case .success(let health): item.health = health
            case .failure(let error): item.node = node.unanswered(error.message).message(now: WallClock.now())
            case nil:
                guard node.isSelf else { break }
                item.health = await health.health(withPeers: !withoutPeers, withProblems: !withoutProblems)
            }
            found.append(item)
        }
        return found
    }

    private var containers: RPCMethodHandler {
        .unary(StellarMethods.Cluster.containers) { (question: ClusterContainersRequest, _) in
            let (found, missing) = try await gather {
                try await runtime.containers(filters: question.filters).map(RuntimeContainer.init)
            } others: {
                try await $0.node.containers(filters: question.filters)
            }
            var answer = ClusterContainersResponse()
            answer.missing = missing
            for (node, containers) in found {
                answer.containers += containers.map { container in
                    var item = ClusterContainer()
                    item.container = container
                    item.node.id = node.id
                    item.node.address = node.address
                    return item
                }
            }
            return answer
        }
    }

    private var images: RPCMethodHandler {
        .unary(StellarMethods.Cluster.images) { (_: ClusterImagesRequest, _) in
            let (found, missing) = try await gather {
                try await runtime.images().map(RuntimeImage.init)
            } others: {
                try await $0.node.images()
            }
            var answer = ClusterImagesResponse()
            answer.missing = missing
            // One image is on many nodes.
            var seen: Set<[String]> = []
            answer.images = found.flatMap(\.items).filter { seen.insert([$0.id, $0.digest]).inserted }
            return answer
        }
    }

    /// This node's share and those of the others, and whose is missing.
    ///
    /// - Throws: where no node has anything to say, what is wrong with this one.
    private func gather<Item: Sendable>(
        mine: () async throws -> [Item],
        others: @escaping @Sendable (StellarClient) async throws -> [Item]
    ) async throws -> (found: [(node: NodeView, items: [Item])], missing: [ClusterNode]) {
        let all = await cluster.nodes()
        var found: [(node: NodeView, items: [Item])] = []
        var missing = all.filter { $0.status == .dead }
        var failure: (any Error)?
        for own in all where own.isSelf {
            do {
                found.append((own, try await mine()))
            } catch {
                missing.append(own.without(RPCError(of: error).message))
                failure = error
            }
        }
        for (node, answer) in await cluster.ask(all, others) {
            switch answer {
            case .success(let items): found.append((node, items))
            case .failure(let error):
                let isSilent = error.code == .deadlineExceeded
                missing.append(isSilent ? node.unanswered(error.message) : node.without(error.message))
            }
        }
        if let failure, found.isEmpty { throw failure }
        return (found, missing.map { $0.message(now: WallClock.now()) })
    }

    private var membershipMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.leave) { (_: Google_Protobuf_Empty, _) in await cluster.gossip.leave() },
            .unary(StellarMethods.Cluster.forget) { (question: ClusterForgetRequest, _) in
                var answer = ClusterForgetResponse()
                if question.local {
                    try await cluster.forgetHere(question.node)
                } else {
                    answer.nodes = try await cluster.forget(question.node)
                }
                return answer
            },
            .unary(StellarMethods.Cluster.peers) { (_: ClusterPeersRequest, _) in
                var answer = ClusterPeersResponse()
                let nodes = await cluster.nodes()
                answer.peers = await cluster.gossip.peers().map { peer in
                    peer.message(nodes: nodes, now: WallClock.now())
                }
                return answer
            },
            .unary(StellarMethods.Cluster.roundTrips) { (question: ClusterRoundTripsRequest, _) in
                var answer = ClusterRoundTripsResponse()
                answer.rows = question.local ? [await cluster.roundTripsHere()] : await cluster.roundTrips()
                return answer
            },
        ]
    }

    private var storeMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.status) { (question: ClusterStatusRequest, _) in
                var answer = ClusterStatusResponse()
                if question.local {
                    answer.nodes = [ClusterNodeStatus.with { $0.store = cluster.storeHere() }]
                } else {
                    answer.nodes = await cluster.status(now: WallClock.now())
                }
                return answer
            },
            .unary(StellarMethods.Cluster.converge) { (question: ClusterConvergeRequest, _) in
                let limit =
                    question.hasLimit
                    ? Duration.seconds(max(question.limit.seconds, 0))
                        + .nanoseconds(Int64(max(question.limit.nanos, 0)))
                    : ClusterOperations.convergeLimit
                var answer = ClusterConvergeResponse()
                answer.nodes = await cluster.converge(limit: limit)
                return answer
            },
        ]
    }

    private var quarantineMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.quarantine) { (question: ClusterQuarantineRequest, _) in
                var answer = ClusterQuarantineResponse()
                if question.local {
                    answer.writes = cluster.quarantineHere()
                } else {
                    (answer.writes, answer.nodes) = await cluster.quarantine()
                }
                return answer
            },
            .unary(StellarMethods.Cluster.changeQuarantine) { (question: ClusterChangeQuarantineRequest, _) in
                let change = try QuarantineChange(question.change)
                guard question.local else { return try await cluster.changeQuarantine(change, question.writes) }
                var answer = ClusterChangeQuarantineResponse()
                answer.writes = try await cluster.changeQuarantineHere(change, question.writes)
                return answer
            },
        ]
    }

    private var keyMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Cluster.keys) { (question: ClusterKeysRequest, _) in
                var answer = ClusterKeysResponse()
                if question.local {
                    answer.keys = await cluster.keysHere().messages
                } else {
                    let (rings, outcomes) = await cluster.keys()
                    (answer.keys, answer.nodes) = (KeyRotation.table(rings), outcomes)
                }
                return answer
            },
            .unary(StellarMethods.Cluster.changeKeys) { (question: ClusterChangeKeysRequest, _) in
                let (change, key) = try question.checked()
                guard question.local else { return try await cluster.changeKey(change, question, key) }
                var answer = ClusterChangeKeysResponse()
                answer.fingerprint = try await cluster.changeKeyHere(
                    change,
                    key,
                    fingerprint: question.fingerprint
                )
                return answer
            },
        ]
    }
}

extension ClusterChangeKeysRequest {
    /// What is to be done, with which key; nil is the one with the request's fingerprint.
    fileprivate func checked() throws -> (change: KeyChange, key: GossipKey?) {
        let change: KeyChange
        switch self.change {
        case .add: change = .add
        case .use: change = .use
        case .remove: change = .remove
        case .unknown, .UNRECOGNIZED:
            throw RPCError(.invalidArgument, "change: say whether to add, use or remove the key")
        }
        if key.isEmpty {
            guard change != .add, !fingerprint.isEmpty else {
                throw RPCError(.invalidArgument, "key is empty: say which key")
            }
            return (change, nil)
        }
        guard let key = GossipKey(Array(key)) else {
            throw RPCError(.invalidArgument, "key has \(key.count) bytes; a key has 16, 24 or 32")
        }
        return (change, key)
    }
}

extension KeyRotation.Ring {
    /// One node's keys, in its order.
    fileprivate var messages: [ClusterKey] {
        keys.enumerated().map { index, key in
            var message = ClusterKey()
            message.fingerprint = key.fingerprint
            message.size = UInt32(key.size)
            message.nodes = [node]
            message.primaryOn = index == 0 ? [node] : []
            return message
        }
    }
}

extension PeerTry {
    /// - Parameter now: seconds since 1970.
    fileprivate func message(nodes: [NodeView], now: Int64) -> ClusterPeer {
        var message = ClusterPeer()
        message.address = address
        message.declared = isDeclared
        message.node = node ?? ""
        let view = nodes.first { $0.id == node }
        message.status = view.map(\.status.rawValue) ?? (isReached ? "alive" : "unreachable")
        message.failures = UInt32(clamping: failures)
        message.lastError = lastError ?? ""
        if let lastSuccess { message.lastSuccess.seconds = now - lastSuccess.components.seconds }
        if let lastTry { message.lastTry.seconds = now - lastTry.components.seconds }
        if let nextTry { message.nextTry.seconds = now + nextTry.components.seconds }
        return message
    }
}
