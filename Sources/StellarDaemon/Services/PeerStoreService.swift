import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarStore

/// `io.stellar.peer.v1.Store`: how other nodes compare their store with this one's.
struct PeerStoreService: Sendable {
    var store: ReplicatedStore

    var service: RPCService {
        RPCService(
            name: StellarMethods.PeerStore.serviceName,
            methods: [
                .bidirectional(StellarMethods.PeerStore.exchange.name) {
                    (requests: RPCRequests<PeerExchangeFrame>, responses: RPCResponseWriter<PeerExchangeFrame>, _) in
                    do {
                        try await store.answer(
                            on: StoreChannel(
                                send: { try await responses.send(PeerExchangeFrame($0)) },
                                receive: { try await requests.nextFrame() },
                                // The stream ends when this returns.
                                finish: {}
                            )
                        )
                    } catch {
                        throw RPCError(of: error)
                    }
                },
                .unary(StellarMethods.PeerStore.seen) { (request: PeerSeenRequest, _) in
                    var response = PeerSeenResponse()
                    response.stamp = store.stamp(of: request.origin).rawValue
                    return response
                },
            ]
        )
    }
}
