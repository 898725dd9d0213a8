import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarStore
import SwiftProtobuf

/// ``StorePeers`` over gRPC.
struct NodeStorePeers: StorePeers {
    /// Of a whole exchange. One that gets on is not cut off before; one that does not, much earlier.
    static let exchangeLimit = Duration.seconds(600)

    var cluster: ClusterOperations
    /// Connections for exchanges alone: a call that gets no response in time closes the connection of other calls.
    var clients: NodeClients

    func others() async -> [StorePeer] {
        await cluster.nodes().filter { !$0.isSelf }.map { node in
            StorePeer(
                name: node.id,
                isAlive: node.status == .alive || node.status == .suspect,
                isDead: node.status == .dead
            )
        }
    }

    func exchange<Outcome: Sendable>(
        with name: String,
        _ body: @Sendable (StoreChannel) async throws -> Outcome
    ) async throws -> Outcome {
        guard let node = await cluster.nodes().first(where: { $0.id == name }), node.isReachable else {
            throw ClusterError(.unavailable, "\(name) is not there, or announces no API")
        }
        let client = try await clients.client(node.address, limit: Self.exchangeLimit)
        let clients = clients
        return try await client.rpc.withCall(
            StellarMethods.PeerStore.exchange,
            sending: PeerExchangeFrame.self,
            returning: PeerExchangeFrame.self,
            options: client.options
        ) { call in
            let responses = call.responses
            return try await body(
                StoreChannel(
                    // The connection is in use, which only the next call would show otherwise.
                    send: { bytes in
                        _ = try await clients.client(node.address, limit: Self.exchangeLimit)
                        try await call.send(PeerExchangeFrame(bytes))
                    },
                    receive: {
                        _ = try await clients.client(node.address, limit: Self.exchangeLimit)
                        return try await responses.nextFrame()
                    },
                    finish: { call.finishSending() }
                )
            )
        }
    }

    func seen(
        _ origin: String,
        by names: [String],
        limit: Duration
    ) async -> [String: Result<StoreStamp, StorePeerError>] {
        let nodes = await cluster.nodes().filter { names.contains($0.id) && $0.isReachable }
        let results = await cluster.clients.call(nodes, limit: limit) { client in
            let response: PeerSeenResponse = try await client.rpc.unary(
                StellarMethods.PeerStore.seen,
                PeerSeenRequest.with { $0.origin = origin },
                options: client.options
            )
            return StoreStamp(rawValue: response.stamp)
        }
        return Dictionary(
            results.map { ($0.node.id, $0.result.mapError { StorePeerError(.unavailable, $0.message) }) },
            uniquingKeysWith: { $1 }
        )
    }
}

extension PeerExchangeFrame {
    init(_ bytes: [UInt8]) {
        self.init()
        content = .init(bytes)
    }
}

extension RPCResponses<PeerExchangeFrame> {
    /// The next one; nil after the last. Iterators keep no state, so each call may have its own.
    func nextFrame() async throws -> [UInt8]? {
        var iterator = makeAsyncIterator()
        return try await iterator.next().map { Array($0.content) }
    }
}
