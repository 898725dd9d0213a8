import StellarGossip
import StellarStore

/// A seeded run of a cluster with stores; ``SimulationScenario`` is one without stores. After each episode all nodes
/// run and are connected. They must converge in time, and then hold exactly the surviving writes.
package struct StoreScenario: Sendable {
    package let seed: UInt64
    package let nodes: Int
    package let network: SimulatedNetwork
    package let episodes: [StoreEpisode]
    let clients: SimulatedClients
    var random: SplitMix64

    /// The result of a run.
    package struct Outcome: Sendable {
        package var ledger: StoreLedger
        package var trace: UInt64
        package var duration: Duration
    }

    /// - Parameter nodes: overrides the number from the seed.
    package init(seed: UInt64, nodes: Int? = nil) {
        self.seed = seed
        // Makes the run differ from the one without stores.
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

    /// The shipped rules with shorter times. As with the shipped times, the tombstone age exceeds the error between two
    /// clocks.
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
        simulation.convergeStores()
        for episode in episodes where simulation.stores?.ledger.violations.isEmpty ?? true {
            episode.run(&simulation, clients, using: &random)
            simulation.network = network
            for node in simulation.nodes.indices where !simulation.nodes[node].isUp {
                simulation.restart(node, joining: simulation.up.first ?? (node + 1) % nodes)
            }
            simulation.convergeStores()
        }
        return Outcome(
            ledger: simulation.stores?.ledger ?? StoreLedger(),
            trace: simulation.trace,
            duration: .nanoseconds(simulation.time)
        )
    }
}

extension StoreScenario: CustomStringConvertible {
    /// The text that describes a failed run.
    package var description: String {
        let loss = Int(network.loss * 100)
        let steps = episodes.map { "\($0)" }.joined(separator: "; ")
        return "seed \(seed): stores on \(nodes) nodes, \(clients.keys) keys, \(loss) % loss; \(steps)"
    }
}
