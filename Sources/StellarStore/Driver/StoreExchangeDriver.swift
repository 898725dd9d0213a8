import Logging
import StellarSystem
import Synchronization

/// Runs one exchange on its stream. It reads and writes at the same time, so that it never waits for the other side to read
/// while the other side waits for it.
actor StoreExchangeDriver {
    /// An exchange without progress for so long fails.
    static let patience = Duration.seconds(30)

    private enum Step {
        case send([UInt8])
        case more
        case finish
    }

    private var exchange: StoreExchange
    private let channel: StoreChannel
    private let store: ReplicatedStore
    private let (steps, plan) = AsyncStream.makeStream(of: Step.self)
    private let clock: HostClock
    private var lastProgress: ContinuousClock.Instant
    private var isFinished = false

    init(_ exchange: StoreExchange, on channel: StoreChannel, store: ReplicatedStore) {
        self.exchange = exchange
        self.channel = channel
        self.store = store
        clock = store.clock
        lastProgress = clock.now
    }

    /// Returns when both sides have sent all.
    ///
    /// - Throws: ``StorePeerError``; ``StoreWireError``; `StorageError` where this node cannot keep what it gets.
    func run() async throws {
        try await perform(exchange.start())
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.read()
                return true
            }
            group.addTask {
                try await self.write()
                return true
            }
            group.addTask {
                try await self.watch()
                return false
            }
            defer { group.cancelAll() }
            var done = 0
            while done < 2, let isDone = try await group.next() { done += isDone ? 1 : 0 }
        }
    }

    private func read() async throws {
        while let bytes = try await channel.receive() {
            lastProgress = clock.now
            try await perform(try exchange.receive(bytes))
        }
        guard isFinished else { throw StorePeerError(.unavailable, "the exchange ended early") }
    }

    private func write() async throws {
        for await step in steps {
            switch step {
            case .send(let bytes): try await channel.send(bytes)
            case .more: try await perform(exchange.next())
            case .finish:
                channel.finish()
                return
            }
            lastProgress = clock.now
        }
    }

    /// Never returns; throws when there is no progress.
    private func watch() async throws {
        while true {
            try await clock.sleep(for: Self.patience / 6)
            if clock.now - lastProgress > Self.patience {
                throw StorePeerError(
                    .timedOut,
                    "the exchange made no progress for \(Self.patience.components.seconds) seconds"
                )
            }
        }
    }

    private func perform(_ effects: [StoreExchangeEffect]) async throws {
        for effect in effects {
            switch effect {
            case .send(let bytes): plan.yield(.send(bytes))
            case .more: plan.yield(.more)
            case .store(let input):
                try await store.submit(input)
                lastProgress = clock.now
                try await perform(exchange.stored())
            case .finished:
                isFinished = true
                plan.yield(.finish)
            }
        }
    }

    /// The exchange as it is now, for the machine.
    var state: StoreExchange { exchange }
}

extension ReplicatedStore {
    /// Exchanges that other nodes may have open here: each keeps a few messages in memory.
    package static let maximumVisitors = 8

    /// Exchanges that other nodes have open here.
    package var visitors: Int { state.withLock { $0.visitors } }

    /// Compares this store with another node's; afterwards both have what either had.
    ///
    /// - Throws: ``StorePeerError``; `StorageError`.
    package func exchange(with name: String, isFull: Bool, peers: any StorePeers) async throws {
        let exchange = state.withLock { $0.machine.exchange(with: name, isFull: isFull) }
        let result: Result<StoreExchange, any Error>
        do {
            result = .success(try await peers.exchange(with: name) { try await self.speak(exchange, on: $0) })
        } catch {
            result = .failure(error)
        }
        let (outcome, isFailed) = (try? result.get()).map { ($0, false) } ?? (exchange, true)
        update { $0.machine.exchangeEnded(outcome, failed: isFailed, now: StoreTime(clock), using: &$0.random) }
        _ = try result.get()
    }

    /// Compares this store with that of a node that a person names.
    ///
    /// - Throws: ``StorePeerError``: `notFound`, `unavailable`.
    package func compare(with name: String) async throws {
        guard let peers = state.withLock({ $0.peers }), await peers.others().contains(where: { $0.name == name }) else {
            throw StorePeerError(.notFound, "there is no other node \"\(name)\"")
        }
        try await exchange(with: name, isFull: false, peers: peers)
    }

    /// Ensures that another node has this node's last writes before it stops; otherwise they would be missing until it is
    /// back.
    package func handOver(to peers: any StorePeers) async {
        let stamp = ownStamp
        guard stamp > .zero, !seen().values.contains(where: { $0 >= stamp }) else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for peer in await self.shuffled(peers.others().filter(\.isAlive)).prefix(Self.handOverTries) {
                    if (try? await self.exchange(with: peer.name, isFull: false, peers: peers)) != nil { return }
                }
            }
            group.addTask { [clock] in _ = try? await clock.sleep(for: Self.handOverLimit) }
            await group.next()
            group.cancelAll()
        }
    }

    private func shuffled(_ peers: [StorePeer]) -> [StorePeer] {
        state.withLock { peers.shuffled(using: &$0.random) }
    }

    /// Short, as an operator waits for the daemon to stop.
    private static let handOverLimit = Duration.seconds(3)
    private static let handOverTries = 3

    /// Serves an exchange that another node has opened.
    ///
    /// - Throws: ``StorePeerError``, `unavailable` where ``maximumVisitors`` are open.
    package func answer(on channel: StoreChannel) async throws {
        let exchange = try state.withLock { state in
            guard state.visitors < Self.maximumVisitors else {
                throw StorePeerError(
                    .unavailable,
                    "this node serves \(Self.maximumVisitors) exchanges already; try another node"
                )
            }
            state.visitors += 1
            return state.machine.exchange()
        }
        var outcome = exchange
        var isFailed = true
        defer {
            update { state in
                state.visitors -= 1
                state.machine.exchangeEnded(outcome, failed: isFailed, now: StoreTime(clock), using: &state.random)
            }
        }
        outcome = try await speak(exchange, on: channel)
        isFailed = false
    }

    private func speak(_ exchange: StoreExchange, on channel: StoreChannel) async throws -> StoreExchange {
        let driver = StoreExchangeDriver(exchange, on: channel, store: self)
        try await driver.run()
        return await driver.state
    }
}
