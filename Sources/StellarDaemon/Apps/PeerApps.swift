import StellarAPI
import StellarCore
import StellarRPC
import StellarStore
import Synchronization

/// ``AppPeers`` by gRPC.
///
/// Pulls and graceful ends take as long as they take, so the calls have no deadline as a whole. But a node that works says
/// something every second: one that has been silent for a while is given up, and does its part when it can.
struct PeerApps: AppPeers {
    /// Of the first word: it is said at once, and somebody waits at a prompt.
    static let firstWord = Duration.seconds(5)
    /// Between two words: ten that did not come.
    static let silence = Duration.seconds(10)

    /// What is in a node's memory it says in milliseconds, and somebody waits at a prompt.
    static let glance = Duration.seconds(1)

    var clients: NodeClients

    func newest(_ app: String, than known: AppVersion?, on nodes: [NodeView]) async -> [StoreEntry] {
        var request = PeerAppNewestRequest()
        request.app = app
        request.stamp = known?.stamp.rawValue ?? 0
        request.origin = known?.origin ?? ""
        let question = request
        let answers = await clients.ask(nodes, limit: Self.glance) { try await $0.peerApps.newest(question) }
        return answers.compactMap { _, answer in
            guard case .success(let response) = answer, response.hasRecord else { return nil }
            let entry = response.record.entry
            return entry.key == StoreKey(StoreBucket.apps, app) ? entry : nil
        }
    }

    func prepare(_ images: [Slot], on node: NodeView, _ progress: @escaping Progress) async throws -> AppOutcome {
        var request = PeerAppPrepareRequest()
        request.images = images.map { slot in
            var image = PeerAppPrepareRequest.Image()
            image.slot = slot.id.description
            image.image = slot.service.image
            image.snapshotter = slot.service.snapshotter
            return image
        }
        let question = request
        return try await listen(node, progress) { client, hear in try await client.prepare(question, hear) }
    }

    func apply(
        _ record: StoreEntry,
        isAsked: Bool,
        on node: NodeView,
        _ progress: @escaping Progress
    ) async throws -> AppOutcome {
        var request = PeerAppApplyRequest()
        request.record = PeerAppRecord(record)
        request.asked = isAsked
        let question = request
        return try await listen(node, progress) { client, hear in try await client.apply(question, hear) }
    }

    func restart(_ ids: [ContainerID], on node: NodeView, _ progress: @escaping Progress) async throws -> AppOutcome {
        var request = PeerAppRestartRequest()
        request.slots = ids.map(\.description)
        let question = request
        return try await listen(node, progress) { client, hear in try await client.restart(question, hear) }
    }

    private typealias Hear = @Sendable (PeerAppEvent) async throws -> Void

    private func listen(
        _ node: NodeView,
        _ progress: @escaping Progress,
        _ call: @escaping @Sendable (StellarClient.PeerApps, Hear) async throws -> Void
    ) async throws -> AppOutcome {
        let client = try await clients.client(node.address, limit: nil)
        let hearing = Hearing()
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await call(client.peerApps) { event in
                        hearing.heard(event)
                        if event.hasProgress, let line = SlotProgress(event.progress) { progress(line) }
                    }
                }
                group.addTask { try await hearing.end("no word of \(node.address)") }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let error as RPCError where error.code == .deadlineExceeded {
            // Perhaps the connection is to one that is no more, so the next call makes another.
            await clients.drop(node.address)
            throw error
        }
        guard let outcome = hearing.outcome else {
            throw RPCError(.unavailable, "\(node.address) ended the call without an outcome")
        }
        return outcome
    }
}

/// What a node has said so far, and for how long it may be silent.
private final class Hearing: Sendable {
    private struct State {
        var end = ContinuousClock.now + PeerApps.firstWord
        var outcome: AppOutcome?
    }

    private let state = Mutex(State())

    var outcome: AppOutcome? { state.withLock { $0.outcome } }

    func heard(_ event: PeerAppEvent) {
        state.withLock { state in
            state.end = .now + PeerApps.silence
            if event.hasOutcome { state.outcome = AppOutcome(event.outcome) }
        }
    }

    /// Returns never: throws DeadlineExceeded when it has been silent for too long.
    func end(_ words: String) async throws {
        while true {
            let end = state.withLock { $0.end }
            guard end > .now else { throw RPCError(.deadlineExceeded, words) }
            try await Task.sleep(until: end, clock: .continuous)
        }
    }
}
