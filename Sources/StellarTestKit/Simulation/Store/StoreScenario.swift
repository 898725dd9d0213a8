import StellarGossip
import StellarStore

/// One run of a cluster with stores that a seed decides, as ``SimulationScenario`` is of one without. After each episode all
/// nodes are there and connected, and must become equal in time; then everything that survived must be held, and nothing
/// else.
package struct StoreScenario: Sendable {
    package let seed: UInt64
    package let nodes: Int
    package let network: SimulatedNetwork
    package let episodes: [StoreEpisode]
    let clients: SimulatedClients
    var random: SplitMix64

    /// What a run showed.
    package struct Outcome: Sendable {
        package var ledger: StoreLedger
        package var trace: UInt64
        package var duration: Duration
    }

    /// - Parameter nodes: instead of the number that the seed decides.
    package init(seed: UInt64, nodes: Int? = nil) {
        self.seed = seed
        // Another run than the one without stores.
        var random = SplitMix64(seed: seed ^ 0x5354_4F52_4500)
        let drawn = Int.random(in: 2...7, using: &random)
        let count = max(nodes ?? drawn, 2)
        self.nodes = count
        var network = SimulatedNetwork()
        network.loss = [0, 0, 0.01, 0.09].randomElement(using: &random) ?? 0
        if Bool.random(using: &random) { network.duplication = 0.05 }
        if Bool.random(using: &random) { network.streamBreaks = 0.02 }
        network.latency = .microseconds(Int64.random(in: 50...5000, using: &random))
        network.jitter = .microseconds(Int64.random(in: 0...20_000, using: &random))
        self.network = network
        clients = SimulatedClients(
            configuration: Self.configuration,
            keys: Int.random(in: 3...20, using: &random),
            interval: .milliseconds(Int64.random(in: 60...600, using: &random))
        )
        episodes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            StoreEpisode(nodes: count, using: &random)
        }
        self.random = random
    }

    /// The shipped rules in shorter times. Tombstones are older than two clocks can be apart, as they are with the shipped
    /// times.
    static var configuration: StoreConfiguration {
        var configuration = StoreConfiguration()
        configuration.probeAtRest = .seconds(5)
        configuration.tombstoneAge = .seconds(3 * 3600)
        configuration.lostMemberLimit = .seconds(8 * 3600)
        configuration.purgeInterval = .seconds(10)
        return configuration
    }

    package func run() -> Outcome {
        var random = random
        var codec = PacketCodec()
        codec.compresses = false
        var simulation = GossipSimulation(seed: random.next(), codec: codec)
        simulation.keepsObservations = false
        simulation.useStores(StoreSimulation(Self.configuration))
        simulation.network = network
        simulation.start()
        for index in 1..<nodes { simulation.start(joining: Int.random(in: 0..<index, using: &random)) }
        clients.run(for: .seconds(1), &simulation, &random)
        simulation.storesConverge()
        for episode in episodes where simulation.stores?.ledger.violations.isEmpty ?? true {
            episode.run(&simulation, clients, using: &random)
            simulation.network = network
            for node in simulation.nodes.indices where !simulation.nodes[node].isUp {
                simulation.restart(node, joining: simulation.up.first ?? (node + 1) % nodes)
            }
            simulation.storesConverge()
        }
        return Outcome(
            ledger: simulation.stores?.ledger ?? StoreLedger(),
            trace: simulation.trace,
            duration: .nanoseconds(simulation.time)
        )
    }
}

extension StoreScenario: CustomStringConvertible {
    /// What a failure is described with.
    package var description: String {
        let loss = Int(network.loss * 100)
        let steps = episodes.map { "\($0)" }.joined(separator: "; ")
        return "seed \(seed): stores on \(nodes) nodes, \(clients.keys) keys, \(loss) % loss; \(steps)"
    }
}
