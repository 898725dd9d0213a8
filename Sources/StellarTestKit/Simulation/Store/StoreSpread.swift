import StellarGossip
package import StellarStore

/// Measures how long writes take to reach all nodes of a cluster without other events.
package struct StoreSpread: Sendable {
    /// The times from a write's request until each other node has it on its disk, in seconds, sorted.
    package var times: [Double] = []
    /// For each write, the time until the last node has it.
    package var last: [Double] = []
    /// The number of pairs of a write and a node that it did not reach in time.
    package var missing = 0

    /// A node without a write after this long counts as missing it.
    package static let limit = Duration.seconds(8)

    /// - Parameters:
    ///   - count: the number of writes; each starts when the previous one has spread.
    ///   - bytes: the size of each value.
    ///   - loss: the share of lost datagrams.
    package init(
        nodes: Int,
        writes count: Int,
        bytes: Int = 200,
        loss: Double = 0,
        configuration: StoreConfiguration = StoreConfiguration(),
        seed: UInt64 = 1
    ) {
        var simulation = Self.cluster(nodes, seed, StoreSimulation(configuration))
        simulation.network.loss = loss
        simulation.stores?.ledger.arrivals = [:]
        for write in 0..<count {
            let change = StoreChange(StoreKey("b", "\(write)"), [UInt8](repeating: 1, count: bytes))
            note(Self.spread(change, from: write * 7 % nodes, in: &simulation), to: nodes - 1)
            // Shifts the next write within the nodes' intervals.
            simulation.run(for: .milliseconds(300 + write * 37 % 400))
        }
        times.sort()
        last.sort()
    }

    private mutating func note(_ arrivals: [Double], to others: Int) {
        times += arrivals
        missing += others - arrivals.count
        if arrivals.count == others, let latest = arrivals.last { last.append(latest) } else { last.append(.infinity) }
    }

    /// - Returns: the times until each other node had it, sorted.
    private static func spread(
        _ change: StoreChange,
        from node: Int,
        in simulation: inout GossipSimulation
    ) -> [Double] {
        let (nodes, start) = (simulation.nodes.count, simulation.time)
        let before = simulation.stores?.ledger.arrivals?.keys.max() ?? .zero
        simulation.write([change], at: node)
        var seen: [Int: Int64] = [:]
        _ = simulation.run(within: limit, every: .milliseconds(20)) { simulation in
            guard let latest = simulation.stores?.ledger.arrivals?.max(by: { $0.key < $1.key }), latest.key > before
            else {
                return false
            }
            seen = latest.value
            return seen.count == nodes
        }
        return seen.filter { $0.key != node }.values.map { Double($0 - start) / 1e9 }.sorted()
    }

    /// A cluster whose nodes have joined each other.
    package static func cluster(_ nodes: Int, _ seed: UInt64, _ stores: StoreSimulation?) -> GossipSimulation {
        var codec = PacketCodec()
        codec.compresses = false
        var simulation = GossipSimulation(seed: seed, codec: codec, rejoins: false)
        simulation.keepsObservations = false
        if let stores { simulation.useStores(stores) }
        simulation.start()
        for _ in 1..<nodes { simulation.start(joining: 0) }
        simulation.run(for: .seconds(20))
        return simulation
    }

    /// The datagram bytes per node and second that the store adds once all writes have spread.
    package static func bytesAtRest(nodes: Int, seed: UInt64 = 1) -> Double {
        func bytes(_ stores: StoreSimulation?) -> Double {
            var simulation = cluster(nodes, seed, stores)
            simulation.write([StoreChange(StoreKey("b", "k"), [1])], at: 0)
            simulation.run(for: .seconds(30))
            let before = simulation.datagramBytes
            simulation.run(for: .seconds(120))
            return Double(simulation.datagramBytes - before) / 120 / Double(nodes)
        }
        return bytes(StoreSimulation()) - bytes(nil)
    }

    /// The time within which this percentage of the writes has reached its nodes.
    package func time(ofPercent percent: Int) -> Double {
        times.isEmpty ? .infinity : times[min(times.count * percent / 100, times.count - 1)]
    }
}

/// Many writes at one node, as fast as a client can send them.
package struct StoreLoad: Sendable {
    package var writes = 0
    package var acknowledged = 0
    /// The time from the last write until all nodes have all writes, in seconds; nil if they do not in time.
    package var caughtUp: Double?
    package var exchanges = 0

    package init(nodes: Int, perSecond: Int, seconds: Int, seed: UInt64 = 1) {
        var simulation = StoreSpread.cluster(nodes, seed, StoreSimulation())
        let before = simulation.stores?.ledger.exchanges ?? 0
        for write in 0..<perSecond * seconds {
            simulation.write([StoreChange(StoreKey("b", "\(write)"), [UInt8](repeating: 1, count: 100))], at: 0)
            simulation.run(for: .nanoseconds(1_000_000_000 / Int64(perSecond)))
        }
        writes = perSecond * seconds
        let end = simulation.time
        if simulation.run(within: .seconds(120), until: { $0.storesAgree }) {
            caughtUp = Double(simulation.time - end) / 1e9
        }
        acknowledged = simulation.stores?.ledger.acknowledged ?? 0
        exchanges = (simulation.stores?.ledger.exchanges ?? 0) - before
    }
}
