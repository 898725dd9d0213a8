import StellarAPI
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import StellarStore

/// `io.stellar.peer.v1.Apps`: this node's share of commands that other nodes took.
struct PeerAppsService: Sendable {
    /// A tenth of ``RemoteNode/silence``.
    static let heartbeat = Duration.seconds(1)

    var node: LocalNode

    var service: RPCService {
        let node = node
        return RPCService(
            name: StellarMethods.PeerApps.serviceName,
            methods: [
                .unary(StellarMethods.PeerApps.newest) { (request: PeerAppNewestRequest, _) in
                    var response = PeerAppNewestResponse()
                    let stamp = StoreStamp(rawValue: request.stamp)
                    let known = stamp == .zero ? nil : AppVersion(stamp: stamp, origin: request.origin)
                    if let newest = node.newest(request.app, than: known) {
                        response.record = PeerAppRecord(newest)
                    }
                    return response
                },
                .serverStreaming(StellarMethods.PeerApps.prepare.name) { (request: PeerAppPrepareRequest, writer, _) in
                    let images = try request.images.map { try Self.slot($0) }
                    try await respond(writer) { try await node.prepare(images, $0).message("") }
                },
                .serverStreaming(StellarMethods.PeerApps.apply.name) { (request: PeerAppApplyRequest, writer, _) in
                    let record = request.record.entry
                    try await respond(writer) { progress in
                        try await node.apply(record, request.asked ? .requested : .noticed, progress).message(
                            record.key.key
                        )
                    }
                },
                .serverStreaming(StellarMethods.PeerApps.restart.name) { (request: PeerAppRestartRequest, writer, _) in
                    let ids = try request.slots.map { try Self.id($0) }
                    try await respond(writer) { try await node.restart(ids, $0).message("") }
                },
            ]
        )
    }

    private static func id(_ text: String) throws -> ContainerID {
        guard let id = ContainerID(text) else { throw RPCError(.invalidArgument, "\"\(text)\" is no slot") }
        return id
    }

    private static func slot(_ image: PeerAppPrepareRequest.Image) throws -> Slot {
        let id = try id(image.slot)
        return Slot(id: id, service: Service(name: id.service, image: image.image, snapshotter: image.snapshotter))
    }

    /// Says what happens as it happens, and something at least every second.
    private func respond(
        _ writer: RPCResponseWriter<PeerAppEvent>,
        _ work: @escaping @Sendable (@escaping LocalNode.Progress) async throws -> PeerAppOutcome
    ) async throws {
        let own = self.node.reconciler.node.id
        do {
            let outcome = try await ProgressRelay.run(
                { progress in try await work { progress($0) } },
                heartbeat: (nil as SlotProgress?, Self.heartbeat)
            ) { line in
                var event = PeerAppEvent()
                if let line { event.progress = line.message(own: own) }
                try await writer.send(event)
            }
            var event = PeerAppEvent()
            event.outcome = outcome
            try await writer.send(event)
        } catch {
            throw RPCError(of: error)
        }
    }
}
