import StellarStore
import StellarSystem
import StellarTestKit

/// Nodes with a store each, without a network: the test delivers the messages.
final class StoreBench {
    var machines: [StoreMachine] = []
    var disks: [SimulatedDisk] = []
    /// Each machine's effects that no test has taken yet, without the disk's.
    var said: [[StoreEffect]] = []
    var random = SplitMix64(seed: 1)
    /// Seconds.
    var time: Double = 0
    /// The error of each wall clock, in seconds.
    var clockErrors: [Double] = []
    let configuration: StoreConfiguration

    init(_ count: Int, _ configuration: StoreConfiguration = StoreConfiguration()) {
        self.configuration = configuration
        for index in 0..<count {
            clockErrors.append(0)
            disks.append(SimulatedDisk())
            said.append([])
            machines.append(Self.machine(index, SimulatedDisk(), configuration, Self.time(0), &random))
        }
    }

    static func name(_ index: Int) -> String { String(UnicodeScalar(UInt8(97 + index))) }

    private static func machine(
        _ index: Int,
        _ disk: SimulatedDisk,
        _ configuration: StoreConfiguration,
        _ now: StoreTime,
        _ random: inout SplitMix64
    ) -> StoreMachine {
        StoreMachine(name: name(index), image: disk.image, configuration: configuration, now: now, using: &random)
    }

    private static func time(_ seconds: Double, wrongBy error: Double = 0) -> StoreTime {
        StoreTime(
            monotonic: MonotonicTime(nanoseconds: Int64(seconds * 1e9)),
            unixMilliseconds: UInt64(1_770_000_000_000 + (seconds + error) * 1000)
        )
    }

    func now(_ index: Int) -> StoreTime { Self.time(time, wrongBy: clockErrors[index]) }

    // MARK: Actions

    /// Stores inputs and all inputs that follow from them.
    @discardableResult
    func store(_ inputs: [StoreInput], at index: Int) -> [Result<[StoreEntry], StoreError>] {
        let transaction = machines[index].begin(inputs, now: now(index))
        disks[index].apply(transaction)
        machines[index].commit(transaction, now: now(index))
        drain(index)
        return transaction.written
    }

    /// Drains the effects, and stores their inputs.
    func drain(_ index: Int) {
        var inputs: [StoreInput] = []
        for effect in machines[index].takeEffects() {
            if case .store(let input) = effect { inputs.append(input) } else { said[index].append(effect) }
        }
        if !inputs.isEmpty { store(inputs, at: index) }
    }

    @discardableResult
    func write(_ key: String, _ value: String?, at index: Int) -> StoreEntry? {
        let change = StoreChange(StoreKey("b", key), value.map { Array($0.utf8) })
        guard case .success(let entries) = store([.write([change])], at: index).first else { return nil }
        return entries.first
    }

    func join(_ index: Int, _ others: Int...) {
        for other in others {
            machines[index].joined(Self.name(other), now: now(index), using: &random)
            drain(index)
        }
    }

    func joinAll() {
        for index in machines.indices {
            for other in machines.indices where other != index { join(index, other) }
        }
    }

    /// Joins all nodes and lets them come to rest.
    func meet() throws {
        joinAll()
        for index in machines.indices {
            pass(2, at: index)
            guard let wanted = takeExchange(index) else { continue }
            try exchange(index, machines.firstIndex { $0.name == wanted.with } ?? 0)
        }
        for index in machines.indices {
            pass(5, at: index)
            said[index] = []
        }
    }

    func receive(_ message: [UInt8], at index: Int) throws {
        try machines[index].receive(message, now: now(index), using: &random)
        drain(index)
    }

    func receive(_ message: StoreMessage, at index: Int) throws { try receive(message.encoded(), at: index) }

    /// Advances the time, and runs due timers.
    func pass(_ seconds: Double, at index: Int) {
        time += seconds
        machines[index].advance(now: now(index), using: &random)
        drain(index)
    }

    /// Restarts a node on its disk, or on another one.
    func restart(_ index: Int, on disk: SimulatedDisk? = nil) {
        if let disk { disks[index] = disk }
        machines[index] = Self.machine(index, disks[index], configuration, now(index), &random)
        said[index] = []
        drain(index)
    }

    // MARK: Exchanges

    /// - Parameter limit: the number of messages before the stream breaks.
    /// - Returns: the size of each message, in order; nil if the stream broke.
    @discardableResult
    func exchange(_ caller: Int, _ called: Int, isFull: Bool = false, limit: Int = .max) throws -> [Int]? {
        let nodes = [caller, called]
        var ends = [
            machines[caller].exchange(with: Self.name(called), isFull: isFull), machines[called].exchange(),
        ]
        var isOver = [false, false]
        var sizes: [Int] = []
        var queue: [(to: Int, bytes: [UInt8])] = []
        func perform(_ effects: [StoreExchangeEffect], _ end: Int) {
            for effect in effects {
                switch effect {
                case .send(let bytes): queue.append((1 - end, bytes))
                case .store(let input):
                    store([input], at: nodes[end])
                    perform(ends[end].stored(), end)
                case .more: perform(ends[end].next(), end)
                case .finished:
                    isOver[end] = true
                    self.end(ends[end], failed: false, at: nodes[end])
                }
            }
        }
        for end in 0..<2 { perform(ends[end].start(), end) }
        while !queue.isEmpty, sizes.count < limit {
            let (end, bytes) = queue.removeFirst()
            sizes.append(bytes.count)
            perform(try ends[end].receive(bytes), end)
        }
        for end in 0..<2 where !isOver[end] { self.end(ends[end], failed: true, at: nodes[end]) }
        return isOver == [true, true] ? sizes : nil
    }

    private func end(_ exchange: StoreExchange, failed: Bool, at index: Int) {
        machines[index].exchangeEnded(exchange, failed: failed, now: now(index), using: &random)
        drain(index)
    }

    // MARK: State

    /// The live keys and values, as text.
    func living(_ index: Int) -> [String: String] {
        Dictionary(
            machines[index].entries("b").map { ($0.key.key, String(decoding: $0.value ?? [], as: UTF8.self)) }
        ) { first, _ in first }
    }

    func vector(_ index: Int, _ origin: Int) -> StoreStamp { machines[index].vector[Self.name(origin)] }

    /// Takes a machine's effects.
    func take(_ index: Int) -> [StoreEffect] {
        defer { said[index] = [] }
        return said[index]
    }

    /// Takes the broadcasts.
    func takeBroadcasts(_ index: Int) throws -> [StoreMessage] {
        try take(index).compactMap { effect in
            if case .broadcast(let bytes, about: _) = effect { try StoreMessage(bytes) } else { nil }
        }
    }

    func takeRuns(_ index: Int) throws -> [StoreRun] {
        try takeBroadcasts(index).compactMap { if case .fresh(let run) = $0 { run } else { nil } }
    }

    /// Takes the messages to one node.
    func takeSent(_ index: Int, to other: Int) throws -> [StoreMessage] {
        try take(index).compactMap { effect in
            guard case .send(let bytes, to: Self.name(other)) = effect else { return nil }
            return try StoreMessage(bytes)
        }
    }

    /// Takes the exchange that the machine starts.
    func takeExchange(_ index: Int) -> (with: String, isFull: Bool)? {
        take(index).lazy.compactMap { effect in
            if case .exchange(let peer, let isFull) = effect { (peer, isFull) } else { nil }
        }.first
    }
}
