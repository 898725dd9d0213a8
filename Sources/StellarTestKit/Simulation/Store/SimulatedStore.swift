package import StellarStore

/// One node's store: the shipped machine, its disk, and what a driver keeps between the two.
package struct SimulatedStore: Sendable {
    package internal(set) var machine: StoreMachine
    package internal(set) var disk: SimulatedDisk
    /// What goes into the next transaction, and which exchange waits for it.
    var waiting: [(input: StoreInput, exchange: Int?)] = []
    /// On its way to the disk.
    var transaction: StoreTransaction?
    /// The exchanges that wait for it.
    var awaited: [Int] = []
    /// How wrong its wall clock is, in milliseconds.
    var clockError: Int64 = 0
    /// How often it came back with another disk than its last.
    var setBacks = 0
}

/// A stream between two nodes, with an exchange on it.
struct SimulatedExchange: Sendable {
    struct End: Sendable {
        var node: Int
        var life: Int
        var exchange: StoreExchange
        var isOver = false
        /// What is on the way to this end, the first to arrive first.
        var inbound: [[UInt8]] = []
    }

    /// The caller's, and the one of who was called, once the call has arrived.
    var ends: [End]
    let called: Int
}

/// How stores run in a simulation, and what came of it.
package struct StoreSimulation: Sendable {
    package var configuration: StoreConfiguration
    /// How long a transaction takes, at most.
    package var diskDelay = Duration.milliseconds(4)
    /// Milliseconds that have passed on all wall clocks beside the simulated time: weeks need not be simulated.
    var passed: Int64 = 0
    package internal(set) var ledger = StoreLedger()
    var exchanges: [Int: SimulatedExchange] = [:]
    var nextExchange = 0
    /// The longest that one may take.
    static let exchangeLimit = Duration.seconds(30)
    /// 2026.
    static let beginning: Int64 = 1_770_000_000_000

    package init(_ configuration: StoreConfiguration = StoreConfiguration()) {
        self.configuration = configuration
    }
}
