import Logging
package import StellarStorage
package import StellarStore
import Synchronization

extension ReplicatedStore {
    /// The store of a node that knows nobody.
    package static func alone(_ database: Database, node: String) async throws -> ReplicatedStore {
        try await open(database, node: node, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }
}

/// Stores of several nodes on real databases, with a network between them that a test can disturb.
package final class FakeStoreNetwork: Sendable {
    private struct State {
        var stores: [String: ReplicatedStore] = [:]
        var listeners: [String: @Sendable (StoreGossipNews) -> Void] = [:]
        var isGossipLost = false
        var deaf: Set<String> = []
        var dead: Set<String> = []
        /// Frames that still pass in the next exchange; nil is all.
        var frames: Int?
        var exchanges = 0
    }

    private let state = Mutex(State())

    /// Exchanges that were begun.
    package var exchanges: Int { state.withLock { $0.exchanges } }

    /// Whether messages of gossip are lost.
    package var isGossipLost: Bool {
        get { state.withLock { $0.isGossipLost } }
        set { state.withLock { $0.isGossipLost = newValue } }
    }

    /// No message of gossip reaches this node any more.
    package func deafen(_ name: String) { _ = state.withLock { $0.deaf.insert(name) } }

    /// The next exchange breaks after so many frames.
    package func breakNextExchange(after frames: Int) { state.withLock { $0.frames = frames } }

    /// Takes a node for dead, for those who ask about everybody.
    package func declareDead(_ name: String) { _ = state.withLock { $0.dead.insert(name) } }

    /// What a node knows of the others.
    package func peers(of name: String) -> any StorePeers { FakeStorePeers(network: self, node: name) }

    package func store(_ name: String) -> ReplicatedStore? { state.withLock { $0.stores[name] } }

    /// Runs `body` beside the stores of these nodes.
    package static func with(
        _ names: [String],
        trust: StoreTrust = .gossip,
        _ body: (FakeStoreNetwork, [String: ReplicatedStore]) async throws -> Void
    ) async throws {
        try await TemporaryDirectory.with { path in
            let network = FakeStoreNetwork()
            var databases: [Database] = []
            var stores: [String: ReplicatedStore] = [:]
            for name in names {
                let database = try await Database.open(path: "\(path)/\(name).db")
                databases.append(database)
                stores[name] = try await ReplicatedStore.alone(database, node: name)
            }
            let made = stores
            network.state.withLock { $0.stores = made }
            for (name, store) in stores { store.connect(FakeStorePeers(network: network, node: name)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (name, store) in stores {
                    group.addTask { await store.run() }
                    group.addTask {
                        await store.synchronize(
                            gossip: FakeStoreGossip(network: network, node: name),
                            peers: FakeStorePeers(network: network, node: name),
                            trust: trust
                        )
                    }
                }
                defer { group.cancelAll() }
                try await body(network, stores)
            }
            for database in databases { await database.close() }
        }
    }

    fileprivate func listen(_ name: String, _ report: @escaping @Sendable (StoreGossipNews) -> Void) {
        let others = state.withLock { state in
            state.listeners[name] = report
            return state.stores.keys.filter { $0 != name }
        }
        for other in others { report(.alive(other)) }
    }

    fileprivate func deliver(_ message: [UInt8], to names: [String]?, from sender: String) {
        let listeners = state.withLock { state in
            state.isGossipLost
                ? []
                : state.listeners.filter { name, _ in
                    !state.deaf.contains(name) && names?.contains(name) ?? (name != sender)
                }.map(\.value)
        }
        for report in listeners { report(.message(message)) }
    }

    fileprivate func others(of name: String) -> [StorePeer] {
        state.withLock { state in
            state.stores.keys.filter { $0 != name }.sorted().map { other in
                StorePeer(name: other, isAlive: !state.dead.contains(other), isDead: state.dead.contains(other))
            }
        }
    }

    /// Frames that may pass in the exchange that begins now.
    fileprivate func begin() -> Int? {
        state.withLock { state in
            state.exchanges += 1
            defer { state.frames = nil }
            return state.frames
        }
    }
}

private struct FakeStoreGossip: StoreGossip {
    var network: FakeStoreNetwork
    var node: String

    func listen(_ report: @escaping @Sendable (StoreGossipNews) -> Void) async {
        network.listen(node, report)
        let (never, continuation) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in never {}
        } onCancel: {
            continuation.finish()
        }
    }

    func broadcast(_ message: [UInt8], about subject: String) async {
        network.deliver(message, to: nil, from: node)
    }

    func send(_ message: [UInt8], to name: String) async { network.deliver(message, to: [name], from: node) }
}

private struct FakeStorePeers: StorePeers {
    var network: FakeStoreNetwork
    var node: String

    func others() async -> [StorePeer] { network.others(of: node) }

    func exchange<Outcome: Sendable>(
        with name: String,
        _ body: @Sendable (StoreChannel) async throws -> Outcome
    ) async throws -> Outcome {
        guard let other = network.store(name) else { throw StorePeerError(.unavailable, "\(name) is not there") }
        let (caller, called) = StoreChannel.pair(frames: network.begin())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await other.answer(on: called)
                    called.finish()
                } catch {
                    called.finish()
                    throw error
                }
            }
            let outcome: Outcome
            do {
                outcome = try await body(caller)
            } catch {
                caller.finish()
                throw error
            }
            try await group.waitForAll()
            return outcome
        }
    }

    func seen(
        _ origin: String,
        by names: [String],
        limit: Duration
    ) async -> [String: Result<StoreStamp, StorePeerError>] {
        var answers: [String: Result<StoreStamp, StorePeerError>] = [:]
        for name in names { answers[name] = network.store(name).map { .success($0.stamp(of: origin)) } }
        return answers
    }
}

extension StoreChannel {
    /// Two ends of one stream.
    ///
    /// - Parameter frames: After so many, in both directions together, it breaks.
    package static func pair(frames: Int? = nil) -> (StoreChannel, StoreChannel) {
        let (there, toThere) = AsyncStream.makeStream(of: [UInt8].self)
        let (back, toBack) = AsyncStream.makeStream(of: [UInt8].self)
        let gate = FrameGate(frames)
        @Sendable func end(_ out: AsyncStream<[UInt8]>.Continuation, _ incoming: AsyncStream<[UInt8]>) -> StoreChannel {
            StoreChannel(
                send: { bytes in
                    guard gate.pass() else {
                        toThere.finish()
                        toBack.finish()
                        throw StorePeerError(.unavailable, "the stream broke")
                    }
                    out.yield(bytes)
                },
                receive: {
                    for await bytes in incoming { return bytes }
                    return nil
                },
                finish: { out.finish() }
            )
        }
        return (end(toThere, back), end(toBack, there))
    }
}

/// Counts frames down.
private final class FrameGate: Sendable {
    private let left: Mutex<Int?>

    init(_ frames: Int?) { left = Mutex(frames) }

    func pass() -> Bool {
        left.withLock { left in
            guard let some = left else { return true }
            guard some > 0 else { return false }
            left = some - 1
            return true
        }
    }
}
