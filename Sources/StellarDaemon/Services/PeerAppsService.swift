import StellarAPI
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import StellarStore

/// `io.stellar.peer.v1.Apps`: this node's share of commands that other nodes took.
struct PeerAppsService: Sendable {
    /// A tenth of ``PeerApps/silence``.
    static let heartbeat = Duration.seconds(1)

    var participant: AppParticipant

    var service: RPCService {
        let participant = participant
        return RPCService(
            name: StellarMethods.PeerApps.serviceName,
            methods: [
                .unary(StellarMethods.PeerApps.newest) { (question: PeerAppNewestRequest, _) in
                    var answer = PeerAppNewestResponse()
                    let stamp = StoreStamp(rawValue: question.stamp)
                    let known = stamp == .zero ? nil : AppVersion(stamp: stamp, origin: question.origin)
                    if let newest = participant.newest(question.app, than: known) {
                        answer.record = PeerAppRecord(newest)
                    }
                    return answer
                },
                .serverStreaming(StellarMethods.PeerApps.prepare.name) { (question: PeerAppPrepareRequest, writer, _) in
                    let images = try question.images.map { try Self.slot($0) }
                    try await answer(writer) { try await participant.prepare(images, $0).message("") }
                },
                .serverStreaming(StellarMethods.PeerApps.apply.name) { (question: PeerAppApplyRequest, writer, _) in
                    let record = question.record.entry
                    try await answer(writer) { progress in
                        try await participant.apply(record, isAsked: question.asked, progress).message(record.key.key)
                    }
                },
                .serverStreaming(StellarMethods.PeerApps.restart.name) { (question: PeerAppRestartRequest, writer, _) in
                    let ids = try question.slots.map { try Self.id($0) }
                    try await answer(writer) { try await participant.restart(ids, $0).message("") }
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
    private func answer(
        _ writer: RPCResponseWriter<PeerAppEvent>,
        _ work: @escaping @Sendable (@escaping AppParticipant.Progress) async throws -> PeerAppOutcome
    ) async throws {
        let own = participant.reconciler.node.id
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
