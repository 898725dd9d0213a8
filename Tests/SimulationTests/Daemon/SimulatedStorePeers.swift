import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// Gossip as the transport of a store.
struct SimulatedStoreGossip: StoreGossip {
    let life: SimulatedLife
    let cluster: ClusterSimulation

    func listen(_ report: @escaping @Sendable (StoreGossipNews) -> Void) async {
        life.report = report
        for view in cluster.views(of: life.index) where !view.isSelf {
            report(view.status == .alive || view.status == .suspect ? .alive(view.id) : .lost(view.id))
        }
        // Until the process ends: nothing resumes it.
        let (stream, _) = AsyncStream<Void>.makeStream()
        for await _ in stream {}
    }

    func broadcast(_ message: [UInt8], about subject: String) async {
        cluster.gossip.broadcast(message, about: subject, at: life.index)
    }

    func send(_ message: [UInt8], to name: String) async {
        cluster.gossip.send(message, to: name, from: life.index)
    }
}

/// The stores of other nodes, over simulated calls and streams.
struct SimulatedStorePeers: StorePeers {
    let life: SimulatedLife
    let cluster: ClusterSimulation

    func others() async -> [StorePeer] {
        cluster.views(of: life.index).filter { !$0.isSelf }.map { node in
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
        let stream = cluster.open(life, to: cluster.index(of: name))
        do {
            let outcome = try await body(stream.channel(0))
            stream.close()
            return outcome
        } catch {
            stream.reset("the other side ended the exchange")
            throw error
        }
    }

    func seen(
        _ origin: String,
        by names: [String],
        limit: Duration
    ) async -> [String: Result<StoreStamp, StorePeerError>] {
        var found: [String: Result<StoreStamp, StorePeerError>] = [:]
        for name in names {
            do {
                let stamp = try await cluster.call(cluster.index(of: name), from: life, limit: limit) {
                    $0.store.stamp(of: origin)
                }
                found[name] = .success(stamp)
            } catch {
                found[name] = .failure(StorePeerError(.unavailable, "\(error)"))
            }
        }
        return found
    }
}

/// A stream between two daemons: messages arrive whole and in order, wait while the link is cut, and fail when an end has
/// crashed.
final class SimulatedStream: @unchecked Sendable {
    // why: one thread runs everything of a simulation.

    private struct End {
        var arrived: [[UInt8]] = []
        var isFinished = false
        var waiter: CheckedContinuation<[UInt8]?, any Error>?
        /// On their way to this end; nil is the end of all messages.
        var coming: [[UInt8]?] = []
        var isMoving = false
    }

    /// The caller's, and once the call has arrived that of the other side.
    private(set) var lives: [SimulatedLife]
    private var ends = [End(), End()]
    private var failure: StorePeerError?
    private let id: Int
    private let cluster: ClusterSimulation

    init(_ id: Int, _ caller: SimulatedLife, _ cluster: ClusterSimulation) {
        lives = [caller]
        (self.id, self.cluster) = (id, cluster)
    }

    func accepted(by life: SimulatedLife) {
        lives.append(life)
        for end in 0...1 { move(to: end) }
    }

    func channel(_ own: Int) -> StoreChannel {
        StoreChannel(
            send: { bytes in
                if let failure = self.failure { throw failure }
                self.ends[1 - own].coming.append(bytes)
                self.move(to: 1 - own)
            },
            receive: { try await self.receive(own) },
            finish: {
                self.ends[1 - own].coming.append(nil)
                self.move(to: 1 - own)
            }
        )
    }

    private func receive(_ own: Int) async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                if !ends[own].arrived.isEmpty { return continuation.resume(returning: ends[own].arrived.removeFirst()) }
                if let failure { return continuation.resume(throwing: failure) }
                if ends[own].isFinished { return continuation.resume(returning: nil) }
                ends[own].waiter = continuation
            }
        } onCancel: {
            ends[own].waiter?.resume(throwing: CancellationError())
            ends[own].waiter = nil
        }
    }

    private func move(to end: Int) {
        guard lives.count == 2, !ends[end].isMoving, !ends[end].coming.isEmpty, failure == nil else { return }
        ends[end].isMoving = true
        cluster.transmit(from: lives[1 - end], to: lives[end].index) { life in
            self.ends[end].isMoving = false
            guard life === self.lives[end] else { return self.reset("the connection was reset") }
            guard self.failure == nil, !self.ends[end].coming.isEmpty else { return }
            if let bytes = self.ends[end].coming.removeFirst() {
                if let waiter = self.ends[end].waiter {
                    self.ends[end].waiter = nil
                    waiter.resume(returning: bytes)
                } else {
                    self.ends[end].arrived.append(bytes)
                }
            } else {
                self.ends[end].isFinished = true
                self.ends[end].waiter?.resume(returning: nil)
                self.ends[end].waiter = nil
            }
            self.move(to: end)
        }
    }

    func reset(_ reason: String) {
        guard failure == nil else { return }
        failure = StorePeerError(.unavailable, reason)
        close()
        for end in ends.indices {
            ends[end].waiter?.resume(throwing: StorePeerError(.unavailable, reason))
            ends[end].waiter = nil
        }
    }

    func close() { cluster.calls.streams[id] = nil }
}

extension ClusterSimulation {
    /// Opens a stream for an exchange; the other side serves it when the call arrives.
    fileprivate func open(_ caller: SimulatedLife, to index: Int) -> SimulatedStream {
        let id = calls.next
        calls.next += 1
        let stream = SimulatedStream(id, caller, self)
        calls.streams[id] = stream
        transmit(from: caller, to: index) { life in
            guard let life, let daemon = life.daemon else { return stream.reset("cannot connect to n\(index)") }
            stream.accepted(by: life)
            self.task(life) {
                do {
                    try await daemon.store.answer(on: stream.channel(1))
                } catch {
                    stream.reset("the other side ended the exchange")
                }
            }
        }
        return stream
    }
}
