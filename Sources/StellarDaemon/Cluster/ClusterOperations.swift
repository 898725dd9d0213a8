import StellarAPI
import StellarCore
import StellarGossip
import StellarRPC
import StellarStore
import SwiftProtobuf

/// What is requested of all nodes: this one does its share, the others are called, and each outcome is reported.
struct ClusterOperations: Sendable {
    var own: Node
    var gossip: any GossipPort
    var keyring: KeyringKeeper
    var store: ReplicatedStore
    var clients: NodeClients
    /// How long each node may take to answer.
    var limit = NodeClients.answerLimit

    /// All nodes, this one first.
    func nodes() async -> [NodeView] { NodeView.all(await gossip.members(), own: own) }

    /// Asks those of the nodes that may answer, at the same time.
    func ask<Answer: Sendable>(
        _ nodes: [NodeView],
        _ question: @escaping @Sendable (StellarClient) async throws -> Answer
    ) async -> [(node: NodeView, answer: Result<Answer, RPCError>)] {
        await clients.ask(nodes.filter(\.isReachable), limit: limit, question)
    }

    // MARK: Forgetting a node

    func forgetHere(_ name: String) async throws {
        guard name != own.id else {
            throw RPCError(.failedPrecondition, "\(name) is this node, which leaves with: cluster leave")
        }
        try await gossip.forget(name)
        store.forget(name)
    }

    func forget(_ name: String) async throws -> [ClusterNodeOutcome] {
        guard !name.isEmpty else { throw RPCError(.invalidArgument, "node is empty: say which node to forget") }
        let all = await nodes()
        var isKnown = false
        // Where it is alive, or is this node itself, nobody forgets it.
        do {
            try await forgetHere(name)
            isKnown = true
        } catch let error as RPCError where error.code == .notFound {
        }
        let others = all.filter { $0.id != name }
        let answers = await ask(others) { client in
            try await client.cluster.forget(name, local: true)
        }
        var outcomes = [Self.outcome(own.id)]
        for (node, answer) in answers {
            switch answer {
            case .success:
                isKnown = true
                outcomes.append(Self.outcome(node.id))
            // It knew of none.
            case .failure(let error) where error.code == .notFound: outcomes.append(Self.outcome(node.id))
            case .failure(let error): outcomes.append(Self.outcome(node.id, error.message))
            }
        }
        // After all nodes restarted, only the store knows of it.
        let isReleased = try await release(name)
        guard isKnown || isReleased else { throw RPCError(.notFound, "there is no node \(name)") }
        return outcomes + Self.notAsked(others)
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

    func keysHere() async -> KeyRotation.Ring {
        let keys = await keyring.keys.map { KeyRotation.Key(fingerprint: $0.fingerprint, size: $0.bytes.count) }
        return KeyRotation.Ring(node: own.id, keys: keys)
    }

    func keys() async -> (rings: [KeyRotation.Ring], outcomes: [ClusterNodeOutcome]) {
        let all = await nodes()
        var rings = [await keysHere()]
        var outcomes = [Self.outcome(own.id)]
        for (node, answer) in await ask(all, { try await $0.cluster.keys(local: true) }) {
            switch answer {
            case .success(let response):
                // Each of them lists its keys in its own order.
                let keys = response.keys.map { KeyRotation.Key(fingerprint: $0.fingerprint, size: Int($0.size)) }
                rings.append(KeyRotation.Ring(node: node.id, keys: keys))
                outcomes.append(Self.outcome(node.id))
            case .failure(let error): outcomes.append(Self.outcome(node.id, error.message))
            }
        }
        return (rings, outcomes + Self.notAsked(all))
    }

    func changeKeyHere(_ change: KeyChange, _ key: GossipKey?, fingerprint: String) async throws -> String {
        try await keyring.change(change, key, fingerprint: fingerprint)
    }

    /// Changes the keyrings of all nodes that answer, unless that would cut one of them off.
    func changeKey(
        _ change: KeyChange,
        _ request: ClusterChangeKeysRequest,
        _ key: GossipKey?
    ) async throws -> ClusterChangeKeysResponse {
        let fingerprint = key?.fingerprint ?? request.fingerprint
        if let objection = KeyRotation.objection(to: change, fingerprint, await keys().rings) { throw objection }
        var response = ClusterChangeKeysResponse()
        response.fingerprint = try await changeKeyHere(change, key, fingerprint: fingerprint)
        response.nodes = [Self.outcome(own.id)]
        var local = request
        local.local = true
        let (question, all) = (local, await nodes())
        for (node, answer) in await ask(all, { try await $0.cluster.changeKeys(question) }) {
            switch answer {
            case .success: response.nodes.append(Self.outcome(node.id))
            case .failure(let error): response.nodes.append(Self.outcome(node.id, error.message))
            }
        }
        response.nodes += Self.notAsked(all)
        return response
    }

    // MARK: Round trips

    func roundTripsHere() async -> ClusterRoundTripRow {
        var row = ClusterRoundTripRow()
        row.node = own.id
        row.roundTrips = await gossip.roundTrips().sorted { $0.key < $1.key }.map { name, span in
            var measured = ClusterRoundTrip()
            measured.node = name
            measured.roundTrip.seconds = span.components.seconds
            measured.roundTrip.nanos = Int32(span.components.attoseconds / 1_000_000_000)
            return measured
        }
        return row
    }

    func roundTrips() async -> [ClusterRoundTripRow] {
        let all = await nodes()
        var rows = [await roundTripsHere()]
        for (node, answer) in await ask(all, { try await $0.cluster.roundTrips(local: true) }) {
            var row = ClusterRoundTripRow()
            switch answer {
            case .success(let answered): row = answered.first ?? row
            case .failure(let error): row.error = error.message
            }
            row.node = node.id
            rows.append(row)
        }
        return rows
    }

    // MARK: Outcomes

    static func outcome(_ node: String, _ error: String = "") -> ClusterNodeOutcome {
        var outcome = ClusterNodeOutcome()
        outcome.node = node
        outcome.error = error
        return outcome
    }

    /// Nodes that there was no sense in asking, and that will lack what the others now have if they come back.
    static func notAsked(_ all: [NodeView]) -> [ClusterNodeOutcome] {
        all.filter { !$0.isSelf && !$0.isReachable && $0.belongs }.map { node in
            outcome(
                node.id,
                node.status == .dead ? "it is dead and was not asked" : "it announces no API, and was not asked"
            )
        }
    }
}
