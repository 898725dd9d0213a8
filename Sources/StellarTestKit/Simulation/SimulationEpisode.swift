import StellarGossip

/// A fault, or a change, that a cluster goes through.
public enum SimulationEpisode: Sendable, Hashable {
    /// No fault: every death in it would be false.
    case calm(Duration)
    /// Nodes crash, all others notice, and they restart, some under another address.
    case crashes(Int)
    /// Nodes crash and restart before the others notice.
    case restarts(Int, within: Duration)
    /// A part of the nodes is cut off from the others, in both directions.
    case split(Int, Duration)
    /// Single links are cut in one direction each.
    case cuts(Int, Duration)
    /// The links of one node after the other are clogged; they are opened again in another order (FoundationDB's
    /// "swizzled clogging").
    case clogs(Int, Duration)
    /// Processes are stopped, as by SIGSTOP.
    case pauses(Int, Duration)
    /// Clocks jump ahead, as those of suspended computers.
    case clockSteps(Int, Duration)
    /// The network loses more datagrams than the bound allows.
    case loss(Double, Duration)
    /// The path carries only smaller datagrams.
    case narrow(Int, Duration)
    /// Nodes leave, crash, and restart.
    case leaves(Int)
    /// Nodes change their metadata at one moment.
    case updates(Int)

    init(nodes: Int, configuration: GossipConfiguration, using random: inout SplitMix64) {
        let bounds = SimulationBounds(configuration: configuration, nodes: nodes)
        let few = Int.random(in: 1...max(nodes / 4, 1), using: &random)
        let half = Int.random(in: 1...max(nodes / 2, 1), using: &random)
        func times(_ low: Double, _ high: Double, _ duration: Duration, _ random: inout SplitMix64) -> Duration {
            // Whole milliseconds, for readers of the scenario.
            .milliseconds(
                Int64(duration.inNanoseconds / 1_000_000)
                    * Int64.random(in: Int64(low * 100)...Int64(high * 100), using: &random) / 100
            )
        }
        let interval = configuration.probeInterval
        switch Int.random(in: 0..<14, using: &random) {
        case 0: self = .calm(times(10, 60, interval, &random))
        case 1, 2: self = .crashes(few)
        case 3: self = .restarts(few, within: times(0.1, 3, interval, &random))
        case 4, 5: self = .split(half, times(0.5, 30, bounds.shortestSuspicion, &random))
        case 6: self = .cuts(half * 2, times(1, 10, bounds.shortestSuspicion, &random))
        case 7: self = .clogs(few, times(0.2, 3, bounds.shortestSuspicion, &random))
        case 8: self = .pauses(few, times(0.1, 0.45, bounds.shortestSuspicion, &random))
        case 9: self = .pauses(half, times(0.5, 15, bounds.shortestSuspicion, &random))
        case 10: self = .clockSteps(few, times(0.5, 100, interval, &random))
        case 11: self = .loss(Double(Int.random(in: 20...80, using: &random)) / 100, times(5, 40, interval, &random))
        case 12: self = .narrow(Int.random(in: 150...600, using: &random), times(5, 40, interval, &random))
        default: self = Bool.random(using: &random) ? .leaves(few) : .updates(half)
        }
    }

    func run(_ simulation: inout GossipSimulation, using random: inout SplitMix64) {
        switch self {
        case .calm(let duration): simulation.run(for: duration)
        case .crashes(let count): crash(count, &simulation, &random)
        case .restarts(let count, let limit): restart(count, within: limit, &simulation, &random)
        case .split(let count, let duration):
            for node in some(count, of: simulation, &random) { simulation.network.groups[node] = 1 }
            simulation.run(for: duration)
        case .cuts(let count, let duration):
            for _ in 0..<count {
                let ends = some(2, of: simulation, &random)
                simulation.network.cut.insert(.init(from: ends[0], to: ends[1]))
            }
            simulation.run(for: duration)
        case .clogs(let count, let duration): clog(count, duration, &simulation, &random)
        case .pauses(let count, let duration):
            for node in some(count, of: simulation, &random) {
                simulation.pause(node, for: duration)
                simulation.run(for: .milliseconds(Int64.random(in: 0...1000, using: &random)))
            }
            simulation.run(for: duration)
        case .clockSteps(let count, let duration):
            for node in some(count, of: simulation, &random) {
                simulation.stepClock(node, by: duration)
                simulation.run(for: .milliseconds(Int64.random(in: 0...3000, using: &random)))
            }
        case .loss(let share, let duration):
            simulation.network.loss = share
            simulation.run(for: duration)
        case .narrow(let bytes, let duration):
            simulation.network.maximumDatagram = bytes
            simulation.run(for: duration)
        case .leaves(let count): leave(count, &simulation, &random)
        case .updates(let count):
            for node in some(count, of: simulation, &random) {
                let metadata = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                simulation.update(node, metadata: metadata)
            }
        }
    }

    private func some(_ count: Int, of simulation: GossipSimulation, _ random: inout SplitMix64) -> [Int] {
        Array(simulation.nodes.indices.shuffled(using: &random).prefix(count))
    }

    private func crash(_ count: Int, _ simulation: inout GossipSimulation, _ random: inout SplitMix64) {
        let chosen = some(count, of: simulation, &random)
        for node in chosen { simulation.crash(node) }
        // By then all others must have noticed.
        simulation.run(for: simulation.checks?.bounds.noticed ?? .zero)
        bringBack(chosen, &simulation, &random)
    }

    private func bringBack(_ chosen: [Int], _ simulation: inout GossipSimulation, _ random: inout SplitMix64) {
        for node in chosen {
            guard let peer = simulation.up.randomElement(using: &random) else { continue }
            simulation.restart(node, joining: peer, atNewAddress: Bool.random(using: &random))
        }
    }

    private func restart(
        _ count: Int,
        within limit: Duration,
        _ simulation: inout GossipSimulation,
        _ random: inout SplitMix64
    ) {
        for node in some(count, of: simulation, &random) {
            simulation.crash(node)
            simulation.run(for: .nanoseconds(Int64.random(in: 0...limit.inNanoseconds, using: &random)))
            bringBack([node], &simulation, &random)
        }
    }

    private func clog(
        _ count: Int,
        _ duration: Duration,
        _ simulation: inout GossipSimulation,
        _ random: inout SplitMix64
    ) {
        let clogged = some(count, of: simulation, &random)
        for node in clogged {
            for other in simulation.nodes.indices where other != node {
                simulation.network.clogged.insert(.init(from: node, to: other))
                simulation.network.clogged.insert(.init(from: other, to: node))
            }
            simulation.run(for: duration / (2 * count))
        }
        for node in clogged.shuffled(using: &random) {
            simulation.run(for: duration / (2 * count))
            simulation.network.clogged = simulation.network.clogged.filter { $0.from != node && $0.to != node }
        }
    }

    private func leave(_ count: Int, _ simulation: inout GossipSimulation, _ random: inout SplitMix64) {
        let chosen = some(count, of: simulation, &random)
        for node in chosen { simulation.leave(node) }
        simulation.converges()
        for node in chosen { simulation.crash(node) }
        simulation.run(for: simulation.configuration.probeInterval * Int.random(in: 0...20, using: &random))
        bringBack(chosen, &simulation, &random)
    }
}
