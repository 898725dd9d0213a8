import StellarAPI
import StellarCore
import StellarRPC
import StellarStore
import SwiftProtobuf
import Synchronization

/// Another node's share of a command, over gRPC.
///
/// Pulls and graceful ends take as long as they take, so the calls have no deadline as a whole. But a node that works sends
/// something every second: one that has been silent for a while is given up, and does its part when it can.
struct RemoteNode: AppNode {
    /// For the first message: it is sent at once, and a person waits at a prompt.
    static let firstMessage = Duration.seconds(5)
    /// Between two messages: ten that did not come.
    static let silence = Duration.seconds(10)
    /// For what a node has in memory: it responds in milliseconds, and a person waits at a prompt.
    static let glance = Duration.seconds(1)

    var view: NodeView
    var clients: NodeClients

    func newest(_ app: String, than known: AppVersion?) async -> StoreEntry? {
        let request = PeerAppNewestRequest.with { request in
            request.app = app
            request.stamp = known?.stamp.rawValue ?? 0
            request.origin = known?.origin ?? ""
        }
        let found = await clients.call([view], limit: Self.glance) { try await $0.peerApps.newest(request) }
        guard case .success(let response)? = found.first?.result, response.hasRecord else { return nil }
        let entry = response.record.entry
        return entry.key == StoreKey(StoreBucket.apps, app) ? entry : nil
    }

    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws -> AppOutcome {
        let request = PeerAppPrepareRequest.with { request in
            request.images = images.map { slot in
                PeerAppPrepareRequest.Image.with { image in
                    image.slot = slot.id.description
                    image.image = slot.service.image
                    image.snapshotter = slot.service.snapshotter
                }
            }
        }
        return try await outcome(progress) { client, receive in try await client.prepare(request, receive) }
    }

    func apply(_ record: StoreEntry, _ occasion: Occasion, _ progress: @escaping Progress) async throws -> AppOutcome {
        let request = PeerAppApplyRequest.with { request in
            request.record = PeerAppRecord(record)
            request.asked = occasion == .requested
        }
        return try await outcome(progress) { client, receive in try await client.apply(request, receive) }
    }

    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async throws -> AppOutcome {
        let request = PeerAppRestartRequest.with { $0.slots = ids.map(\.description) }
        return try await outcome(progress) { client, receive in try await client.restart(request, receive) }
    }

    private typealias Receive = @Sendable (PeerAppEvent) async throws -> Void

    /// Makes a call and receives its events until the outcome.
    private func outcome(
        _ progress: @escaping Progress,
        _ call: @escaping @Sendable (StellarClient.PeerApps, Receive) async throws -> Void
    ) async throws -> AppOutcome {
        do {
            return try await received(progress, call)
        } catch {
            throw NodeUnreachable(reason: Cause(of: error))
        }
    }

    private func received(
        _ progress: @escaping Progress,
        _ call: @escaping @Sendable (StellarClient.PeerApps, Receive) async throws -> Void
    ) async throws -> AppOutcome {
        let client = try await clients.client(view.address, limit: nil)
        let events = ReceivedEvents()
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await call(client.peerApps) { event in
                        events.receive(event)
                        if event.hasProgress, let line = SlotProgress(event.progress) { progress(line) }
                    }
                }
                group.addTask { try await events.waitForSilence("no response from \(view.address)") }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let error as RPCError where error.code == .deadlineExceeded {
            // The connection may be to a host that is gone, so the next call makes another.
            await clients.drop(view.address)
            throw error
        }
        guard let outcome = events.outcome else {
            throw RPCError(.unavailable, "\(view.address) ended the call without an outcome")
        }
        return outcome
    }
}

/// The events of one call so far, and how long the node may be silent.
private final class ReceivedEvents: Sendable {
    private struct State {
        var end = ContinuousClock.now + RemoteNode.firstMessage
        var outcome: AppOutcome?
    }

    private let state = Mutex(State())

    var outcome: AppOutcome? { state.withLock { $0.outcome } }

    func receive(_ event: PeerAppEvent) {
        state.withLock { state in
            state.end = .now + RemoteNode.silence
            if event.hasOutcome { state.outcome = AppOutcome(event.outcome) }
        }
    }

    /// Never returns; throws DeadlineExceeded when the node has been silent for too long.
    func waitForSilence(_ message: String) async throws {
        while true {
            let end = state.withLock { $0.end }
            guard end > .now else { throw RPCError(.deadlineExceeded, message) }
            try await Task.sleep(until: end, clock: .continuous)
        }
    }
}
