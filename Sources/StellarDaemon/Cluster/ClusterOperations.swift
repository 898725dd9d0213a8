import StellarAPI
import StellarCore
import StellarGossip
import StellarRPC
import StellarStore
import SwiftProtobuf

/// What all nodes do together: this one does its share, the others are called, and each outcome is reported.
struct ClusterOperations: Sendable {
    var own: Node
    var gossip: any GossipPort
    var keyring: KeyringKeeper
    var store: ReplicatedStore
    var clients: NodeClients
    /// The longest wait for the response of a node.
    var limit = NodeClients.responseLimit

    /// All nodes, this one first.
    func nodes() async -> [NodeView] { NodeView.all(await gossip.members(), own: own) }

    /// Has nodes do their shares: this node itself; the reachable others, called at the same time.
    ///
    /// - Parameter nodes: nil: all.
    /// - Returns: The share of each node, in their order.
    func everywhere<Value: Sendable>(
        _ nodes: [NodeView]? = nil,
        here: () async throws -> Value,
        there: @escaping @Sendable (StellarClient.PeerNode) async throws -> Value
    ) async -> [NodeShare<Value>] {
        let all = if let nodes { nodes } else { await self.nodes() }
        async let called = clients.call(all.filter(\.isReachable), limit: limit) { try await there($0.peerNode) }
        var results: [String: Result<Value, RPCError>] = [:]
        if all.contains(where: \.isSelf) {
            do {
                results[own.id] = .success(try await here())
            } catch {
                results[own.id] = .failure(RPCError(of: error))
            }
        }
        for (node, result) in await called { results[node.id] = result }
        return all.map { NodeShare(node: $0, result: results[$0.id]) }
    }

    // MARK: Forgetting a node

    /// Whether gossip knew the node to forget.
    enum Forgetting: Sendable, Hashable {
        case forgotten
        case unknown
    }

    func forgetHere(_ name: String) async throws {
        guard name != own.id else {
            throw ClusterError(.failedPrecondition, "\(name) is this node, which leaves with: cluster leave")
        }
        try await gossip.forget(name)
        store.forget(name)
    }

    func forget(_ name: String) async throws -> [NodeOutcome] {
        guard !name.isEmpty else { throw ClusterError(.invalidArgument, "node is empty: say which node to forget") }
        let others = await nodes().filter { $0.id != name }
        // If the node is alive here, or is this one, no node forgets it.
        let here = try await Self.forgetting { try await forgetHere(name) }
        let shares = await everywhere(others) {
            here
        } there: { client in
            try await Self.forgetting { try await client.forget(name) }
        }
        // After all nodes restarted, only the store knows it.
        let isReleased = try await release(name)
        guard isReleased || shares.contains(where: { $0.value == .forgotten }) else {
            throw ClusterError(.notFound, "there is no node \(name)")
        }
        return shares.outcomes()
    }

    private static func forgetting(_ forget: () async throws -> Void) async throws -> Forgetting {
        do {
            try await forget()
            return .forgotten
        } catch  where Cause(of: error).code == .notFound {
            return .unknown
        }
    }

    /// Deletes a node's claim of a subnet, and all its facts. Returns whether there was something.
    private func release(_ name: String) async throws -> Bool {
        let facts = store.entries(StoreBucket.nodes, prefix: NodeFacts.prefix(name)).map(\.key)
        let claim = [store.value(StoreBucket.network, NetworkKeys.subnet(name))].compactMap { $0?.key }
        guard !claim.isEmpty || !facts.isEmpty else { return false }
        try await store.write((claim + facts).map { StoreChange($0, nil) })
        return true
    }

    // MARK: Keys

    func keysHere() async -> [KeyRotation.Key] {
        await keyring.keys.map { KeyRotation.Key(fingerprint: $0.fingerprint, size: $0.bytes.count) }
    }

    func keys() async -> (rings: [KeyRotation.Ring], outcomes: [NodeOutcome]) {
        let shares = await everywhere {
            await keysHere()
        } there: {
            try await $0.keys().map { KeyRotation.Key(fingerprint: $0.fingerprint, size: Int($0.size)) }
        }
        let rings = shares.compactMap { share in
            share.value.map { KeyRotation.Ring(node: share.node.id, keys: $0) }
        }
        return (rings, shares.outcomes())
    }

    /// - Returns: The key's fingerprint.
    func changeKeyHere(_ change: GossipKeyChange) async throws -> String {
        try await keyring.change(change.change, change.key, fingerprint: change.fingerprint)
    }

    /// Changes the keyrings of all nodes that respond, unless that would cut one of them off.
    func changeKey(_ change: GossipKeyChange) async throws -> (fingerprint: String, outcomes: [NodeOutcome]) {
        if let objection = KeyRotation.objection(to: change.change, change.fingerprint, await keys().rings) {
            throw objection
        }
        let (fingerprint, request) = (try await changeKeyHere(change), change.request)
        let shares = await everywhere(here: {}, there: { try await $0.changeKeys(request) })
        return (fingerprint, shares.outcomes())
    }

    // MARK: Round trips

    /// The round trips that each node measured, by the name of the other node.
    func roundTrips() async -> [NodeShare<[String: Duration]>] {
        await everywhere {
            await gossip.roundTrips()
        } there: {
            Dictionary(try await $0.roundTrips().map { ($0.node, $0.duration) }, uniquingKeysWith: { $1 })
        }
    }
}

extension ClusterRoundTrip {
    fileprivate var duration: Duration { .seconds(roundTrip.seconds) + .nanoseconds(Int64(roundTrip.nanos)) }
}
