public import StellarGossip

/// One run, determined by a seed: the number of nodes, their settings, their network, and the episodes they go through.
/// After each episode all faults end, and all views must become equal.
public struct SimulationScenario: Sendable {
    public let seed: UInt64
    public let nodes: Int
    public let configuration: GossipConfiguration
    public let codec: PacketCodec
    public let network: SimulatedNetwork
    public let episodes: [SimulationEpisode]
    var random: SplitMix64

    /// The result of a run.
    public struct Outcome: Sendable {
        public var violations: [SimulationChecks.Violation]
        public var trace: UInt64
        /// Simulated time.
        public var duration: Duration
        public var datagrams: Int
        /// How often a node was declared dead, and how often a node noticed a crash in time.
        public var deathsSeen: Int
        public var crashesNoticed: Int
    }

    /// - Parameter nodes: replaces the number that the seed determines.
    public init(seed: UInt64, nodes: Int? = nil) {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        let drawn = Self.size(&random)
        let count = max(nodes ?? drawn, 2)
        self.nodes = count
        let configuration = Self.configuration(&random)
        self.configuration = configuration
        codec = Self.codec(&random)
        network = Self.network(&random)
        episodes = (0..<Int.random(in: 2...4, using: &random)).map { _ in
            SimulationEpisode(nodes: count, configuration: configuration, using: &random)
        }
        self.random = random
    }

    public var bounds: SimulationBounds { SimulationBounds(configuration: configuration, nodes: nodes) }

    // MARK: Drawn from the seed

    /// Mostly few nodes, so that every message counts; sometimes enough for the formulas that grow with the logarithm.
    private static func size(_ random: inout SplitMix64) -> Int {
        switch Int.random(in: 0..<16, using: &random) {
        case 0..<8: Int.random(in: 3...6, using: &random)
        case 8..<13: Int.random(in: 7...16, using: &random)
        case 13..<15: Int.random(in: 17...35, using: &random)
        default: Int.random(in: 36...60, using: &random)
        }
    }

    private static func configuration(_ random: inout SplitMix64) -> GossipConfiguration {
        var configuration: GossipConfiguration =
            switch Int.random(in: 0..<8, using: &random) {
            case 0: .local
            case 1: .wan
            default: .lan
            }
        if Int.random(in: 0..<8, using: &random) == 0 { configuration.datagramBytes = 512 }
        return configuration
    }

    /// The codec costs more time than all else, so its expensive parts are mostly off; they have tests of their own.
    private static func codec(_ random: inout SplitMix64) -> PacketCodec {
        var codec = PacketCodec()
        codec.compresses = Int.random(in: 0..<8, using: &random) == 0
        if Int.random(in: 0..<8, using: &random) == 0 { codec.label = Array("simulated".utf8) }
        if Int.random(in: 0..<8, using: &random) == 0, let key = GossipKey((0..<16).map { UInt8($0) }) {
            codec.keyring = Keyring(key)
        }
        return codec
    }

    /// A network without a disturbance: see ``SimulationBounds/loss``.
    private static func network(_ random: inout SplitMix64) -> SimulatedNetwork {
        var network = SimulatedNetwork()
        switch Int.random(in: 0..<4, using: &random) {
        case 0: break
        case 1: network.loss = 0.01
        case 2: network.loss = 0.05
        default: network.loss = 0.09
        }
        if Bool.random(using: &random) { network.duplication = 0.05 }
        if Bool.random(using: &random) { network.tail = 0.01 }
        if Bool.random(using: &random) { network.streamBreaks = 0.05 }
        network.latency = .microseconds(Int64.random(in: 50...5000, using: &random))
        network.jitter = .microseconds(Int64.random(in: 0...20_000, using: &random))
        return network
    }

    // MARK: The run

    public func run() -> Outcome {
        var random = random
        var simulation = GossipSimulation(
            seed: random.next(),
            configuration: configuration,
            codec: codec,
            checks: SimulationChecks(bounds)
        )
        simulation.network = network
        // Some clocks are off by a hundredth of a percent, as cheap clocks are.
        simulation.start()
        for index in 1..<nodes {
            simulation.start(
                joining: Int.random(in: 0..<index, using: &random),
                rate: [1, 1.0001, 0.9999].randomElement(using: &random) ?? 1
            )
            if Bool.random(using: &random) {
                simulation.run(for: .milliseconds(Int64.random(in: 0...50, using: &random)))
            }
        }
        simulation.converges()
        for episode in episodes where simulation.checks?.violations.isEmpty ?? true {
            episode.run(&simulation, using: &random)
            simulation.network = network
            simulation.converges()
        }
        let checks = simulation.checks
        return Outcome(
            violations: checks?.violations ?? [],
            trace: simulation.trace,
            duration: .nanoseconds(simulation.time),
            datagrams: simulation.datagrams,
            deathsSeen: checks?.deathsSeen ?? 0,
            crashesNoticed: checks?.crashesNoticed ?? 0
        )
    }
}

extension SimulationScenario: CustomStringConvertible {
    /// The scenario in words, for failures.
    public var description: String {
        let loss = Int(network.loss * 100)
        let steps = episodes.map { "\($0)" }.joined(separator: "; ")
        return "seed \(seed): \(nodes) nodes, probes every \(configuration.probeInterval), \(loss) % loss; \(steps)"
    }
}
