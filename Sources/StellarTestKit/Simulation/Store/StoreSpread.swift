import StellarGossip

/// How long writes take to all nodes of a cluster in which nothing else happens.
public struct StoreSpread: Sendable {
    /// From a write's being asked for until each of the other nodes has it on its disk, in seconds, in order.
    public var times: [Double] = []
    /// For each write, until the last node has it.
    public var last: [Double] = []
    /// Pairs of a write and a node that it did not get to in time.
    public var missing = 0
    /// Of each node while nothing is written, and nothing is left to tell.
    public var bytesPerSecondAtRest = 0.0

    /// - Parameters:
    ///   - count: writes, one after the other has spread.
    ///   - loss: the share of datagrams that get lost.
    public init(nodes: Int, writes count: Int, loss: Double = 0, seed: UInt64 = 1) {
        var codec = PacketCodec()
        codec.compresses = false
        var simulation = Self.cluster(nodes, codec, seed, stores: true)
        bytesPerSecondAtRest = Self.rest(simulation) - Self.rest(Self.cluster(nodes, codec, seed, stores: false))
        simulation.network.loss = loss
        simulation.stores?.ledger.arrivals = [:]
        for write in 0..<count {
            let node = write * 7 % nodes
            let before = simulation.stores?.ledger.arrivals?.count ?? 0
            let start = simulation.time
            simulation.write([StoreChange(StoreKey("b", "\(write)"), [UInt8](repeating: 1, count: 200))], at: node)
            simulation.run(for: .seconds(8))
            let arrivals = simulation.stores?.ledger.arrivals ?? [:]
            guard arrivals.count == before + 1, let stamp = arrivals.keys.max(), let seen = arrivals[stamp] else {
                continue
            }
            let others = seen.filter { $0.key != node }.values.map { Double($0 - start) / 1e9 }
            times += others
            missing += nodes - 1 - others.count
            if let latest = others.max() { last.append(latest) }
        }
        times.sort()
        last.sort()
    }

    private static func cluster(_ nodes: Int, _ codec: PacketCodec, _ seed: UInt64, stores: Bool) -> GossipSimulation {
        var simulation = GossipSimulation(seed: seed, codec: codec, rejoins: false)
        simulation.keepsObservations = false
        if stores { simulation.useStores(StoreSimulation()) }
        simulation.start()
        for _ in 1..<nodes { simulation.start(joining: 0) }
        simulation.run(for: .seconds(20))
        return simulation
    }

    /// Bytes of datagrams of each node in a second, over two minutes.
    private static func rest(_ simulation: GossipSimulation) -> Double {
        var simulation = simulation
        simulation.run(for: .seconds(10))
        let before = simulation.datagramBytes
        simulation.run(for: .seconds(120))
        return Double(simulation.datagramBytes - before) / 120 / Double(simulation.nodes.count)
    }

    /// The share of nodes and writes, in percent, that is through after so long.
    public func time(ofPercent percent: Int) -> Double {
        times.isEmpty ? .infinity : times[min(times.count * percent / 100, times.count - 1)]
    }
}

/// Many writes at one node, as fast as a client can ask for them.
public struct StoreLoad: Sendable {
    public var writes = 0
    public var acknowledged = 0
    /// From the last write until all nodes have all, in seconds; nil if that did not come.
    public var caughtUp: Double?
    public var exchanges = 0

    public init(nodes: Int, perSecond: Int, seconds: Int, seed: UInt64 = 1) {
        var codec = PacketCodec()
        codec.compresses = false
        var simulation = GossipSimulation(seed: seed, codec: codec, rejoins: false)
        simulation.keepsObservations = false
        simulation.useStores(StoreSimulation())
        simulation.start()
        for _ in 1..<nodes { simulation.start(joining: 0) }
        simulation.run(for: .seconds(20))
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
