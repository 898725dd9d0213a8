package import StellarStore

/// One node's store: the shipped machine, its disk, and the driver's state between the two.
package struct SimulatedStore: Sendable {
    package internal(set) var machine: StoreMachine
    package internal(set) var disk: SimulatedDisk
    /// The inputs of the next transaction, each with the exchange that waits for it.
    var waiting: [(input: StoreInput, exchange: Int?)] = []
    /// The transaction that is being written to the disk.
    var transaction: StoreTransaction?
    /// The exchanges that wait for that transaction.
    var awaited: [Int] = []
    /// The error of its wall clock, in milliseconds.
    var clockError: Int64 = 0
    /// How often it came back with another disk.
    var setBacks = 0
}

/// A stream between two nodes, with an exchange on it.
struct SimulatedExchange: Sendable {
    struct End: Sendable {
        var node: Int
        var life: Int
        var exchange: StoreExchange
        var isOver = false
        /// The messages in flight to this end, in order of arrival.
        var inbound: [[UInt8]] = []
    }

    /// The caller's end, and the called node's end once the call has arrived.
    var ends: [End]
    let called: Int
}

/// The settings of stores in a simulation, and the results.
package struct StoreSimulation: Sendable {
    package var configuration: StoreConfiguration
    /// The longest time of a transaction.
    package var diskDelay = Duration.milliseconds(4)
    /// Milliseconds that wall clocks advanced in addition to the simulated time, so that weeks need no simulation.
    var passed: Int64 = 0
    package internal(set) var ledger = StoreLedger()
    var exchanges: [Int: SimulatedExchange] = [:]
    var nextExchange = 0
    /// The longest time of an exchange.
    static let exchangeLimit = Duration.seconds(30)
    /// The first wall clock time, in 2026.
    static let beginning: Int64 = 1_770_000_000_000

    package init(_ configuration: StoreConfiguration = StoreConfiguration()) {
        self.configuration = configuration
    }
}
