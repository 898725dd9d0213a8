import StellarCore
import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// The calls between daemons that are under way.
struct SimulatedCalls {
    struct Call {
        var caller: SimulatedLife
        /// nil until the request has arrived.
        var server: SimulatedLife?
        var lastProgress: Int64
        var fail: (Cause) -> Void
    }

    var open: [Int: Call] = [:]
    var next = 0
    var streams: [Int: SimulatedStream] = [:]
}

/// Calls on simulated connections: they wait while the link is cut, and fail when an end crashes or is silent for too long.
extension ClusterSimulation {
    /// How often a blocked connection tries again, as TCP does.
    static let retryPeriod: Int64 = 100_000_000
    private static let watchPeriod: Int64 = 1_000_000_000

    /// Calls a node.
    ///
    /// - Parameters:
    ///   - silence: the longest time without a sign of life.
    ///   - limit: the longest time of the whole call.
    func call<R: Sendable>(
        _ index: Int,
        from caller: SimulatedLife,
        silence: Duration = RemoteNode.silence,
        limit: Duration? = nil,
        _ body: @escaping @Sendable (SimulatedDaemon) async throws -> R
    ) async throws -> R {
        let id = calls.next
        calls.next += 1
        return try await withTaskCancellationHandler {
            // Unsafe: if the caller crashes, nothing resumes it.
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<R, any Error>) in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                calls.open[id] = SimulatedCalls.Call(caller: caller, lastProgress: time) {
                    continuation.resume(throwing: $0)
                }
                if let limit { after(limit.inNanoseconds) { self.fail(id, .deadlineExceeded, "no response in time") } }
                after(Self.watchPeriod) { self.watch(id, index, silence.inNanoseconds) }
                transmit(from: caller, to: index) { life in
                    guard let daemon = life?.daemon, let life else {
                        return self.fail(id, .unavailable, "cannot connect to n\(index)")
                    }
                    self.calls.open[id]?.server = life
                    self.task(life) {
                        let result: Result<R, any Error>
                        do { result = .success(try await body(daemon)) } catch { result = .failure(error) }
                        self.transmit(from: life, to: caller.index) { receiver in
                            guard receiver === caller, self.calls.open.removeValue(forKey: id) != nil else { return }
                            continuation.resume(with: result)
                        }
                    }
                }
            }
        } onCancel: {
            fail(id, .cancelled, "cancelled")
        }
    }

    private func fail(_ id: Int, _ code: ErrorCode, _ message: String) {
        calls.open.removeValue(forKey: id)?.fail(Cause(code, message))
    }

    /// Ends a call whose other end is silent for too long.
    private func watch(_ id: Int, _ index: Int, _ silence: Int64) {
        guard let call = calls.open[id], call.caller.isAlive else { return }
        if gossip.isStreamOpen(call.caller.index, index) { calls.open[id]?.lastProgress = time }
        if time - (calls.open[id]?.lastProgress ?? time) >= silence {
            return fail(id, .deadlineExceeded, "no response from n\(index)")
        }
        after(Self.watchPeriod) { self.watch(id, index, silence) }
    }

    /// Carries something to a node, as soon as the link lets it through.
    ///
    /// - Parameter arrive: gets the life that receives it; nil if the node is down.
    func transmit(from sender: SimulatedLife, to index: Int, _ arrive: @escaping (SimulatedLife?) -> Void) {
        after(gossip.streamDelay()) { self.pass(sender, index, arrive) }
    }

    private func pass(_ sender: SimulatedLife, _ index: Int, _ arrive: @escaping (SimulatedLife?) -> Void) {
        guard sender.isAlive else { return }
        if let life = lives[index] {
            guard gossip.isStreamOpen(sender.index, index) else {
                return after(Self.retryPeriod) { self.pass(sender, index, arrive) }
            }
            arrive(life)
        } else {
            // A host that can be reached refuses the connection.
            guard gossip.network.connects(sender.index, index), gossip.network.connects(index, sender.index) else {
                return after(Self.retryPeriod) { self.pass(sender, index, arrive) }
            }
            arrive(nil)
        }
    }

    /// The connections of a process end with it.
    func endCalls(of life: SimulatedLife) {
        for (id, call) in calls.open.sorted(by: { $0.key < $1.key }) {
            if call.caller === life { calls.open[id] = nil }
            guard call.server === life else { continue }
            transmit(from: call.caller, to: life.index) { _ in self.fail(id, .unavailable, "the connection was reset") }
        }
        for (_, stream) in calls.streams.sorted(by: { $0.key < $1.key })
        where stream.lives.contains(where: { $0 === life }) {
            stream.reset("the connection was reset")
        }
    }
}

/// Another node's share of commands, over simulated calls.
struct SimulatedRemoteNode: AppNode {
    let life: SimulatedLife
    let index: Int
    let cluster: ClusterSimulation

    func newest(_ app: String, than known: AppVersion?) async -> StoreEntry? {
        let limit = RemoteNode.glance
        let entry = try? await cluster.call(index, from: life, limit: limit) { $0.node.newest(app, than: known) }
        return entry ?? nil
    }

    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws -> AppOutcome {
        try await call { try await $0.prepare(images, progress) }
    }

    func apply(_ record: StoreEntry, _ occasion: Occasion, _ progress: @escaping Progress) async throws -> AppOutcome {
        try await call { try await $0.apply(record, occasion, progress) }
    }

    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async throws -> AppOutcome {
        try await call { try await $0.restart(ids, progress) }
    }

    private func call(_ body: @escaping @Sendable (LocalNode) async throws -> AppOutcome) async throws -> AppOutcome {
        do {
            return try await cluster.call(index, from: life) { try await body($0.node) }
        } catch {
            throw NodeUnreachable(reason: Cause(of: error))
        }
    }
}
