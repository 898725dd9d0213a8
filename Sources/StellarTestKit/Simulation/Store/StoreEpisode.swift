import StellarStore

/// An event of a cluster with stores, during writes and deletes of clients. See ``StoreScenario``.
package enum StoreEpisode: Sendable, Hashable {
    case calm(Duration)
    /// Some nodes are cut off from the others; clients write on both sides.
    case split(Int, Duration)
    /// Single links are cut, each in one direction.
    case cuts(Int, Duration)
    case loss(Double, Duration)
    case pauses(Int, Duration)
    /// Processes crash and restart later.
    case crashes(Int, Duration)
    /// Nodes come back with an older state of their disks.
    case oldDisks(Int, Duration)
    /// Nodes come back with empty disks.
    case lostDisks(Int, Duration)
    /// Wall clocks are an hour wrong, in both directions.
    case clocks(Int, Duration)
    /// Some nodes are dead for hours, after writes that no other node has.
    case downtime(Int, hours: Int)
    /// The same, and the other nodes forget them.
    case forgotten(Int, hours: Int)

    init(nodes: Int, using random: inout SplitMix64) {
        let few = Int.random(in: 1...max(nodes / 3, 1), using: &random)
        let half = Int.random(in: 1...max(nodes / 2, 1), using: &random)
        let duration = Duration.milliseconds(Int64.random(in: 500...6000, using: &random))
        switch Int.random(in: 0..<14, using: &random) {
        case 0: self = .calm(duration)
        case 1, 2: self = .split(half, duration * 3)
        case 3: self = .cuts(half * 2, duration * 2)
        case 4: self = .loss(Double(Int.random(in: 10...70, using: &random)) / 100, duration * 2)
        case 5: self = .pauses(half, duration)
        case 6, 7: self = .crashes(Int.random(in: 1...nodes, using: &random), duration)
        case 8, 9: self = .oldDisks(few, duration)
        case 10: self = .lostDisks(few, duration)
        case 11: self = .clocks(half, duration)
        case 12: self = .downtime(few, hours: [2, 5, 7, 12].randomElement(using: &random) ?? 5)
        default: self = .forgotten(1, hours: [1, 5].randomElement(using: &random) ?? 5)
        }
    }

    func run(_ simulation: inout GossipSimulation, _ clients: SimulatedClients, using random: inout SplitMix64) {
        let some: (Int, inout SplitMix64) -> [Int] = { [nodes = simulation.nodes.indices] count, random in
            Array(nodes.shuffled(using: &random).prefix(count))
        }
        switch self {
        case .calm(let duration): clients.run(for: duration, &simulation, &random)
        case .split(let count, let duration):
            for node in some(count, &random) { simulation.network.groups[node] = 1 }
            clients.run(for: duration, &simulation, &random)
        case .cuts(let count, let duration):
            for _ in 0..<count {
                let ends = some(2, &random)
                simulation.network.cut.insert(.init(from: ends[0], to: ends[1]))
            }
            clients.run(for: duration, &simulation, &random)
        case .loss(let share, let duration):
            simulation.network.loss = share
            clients.run(for: duration, &simulation, &random)
        case .pauses(let count, let duration):
            for node in some(count, &random) { simulation.pause(node, for: duration) }
            clients.run(for: duration * 2, &simulation, &random)
        case .crashes(let count, let duration):
            for node in some(count, &random) {
                simulation.crash(node)
                clients.run(for: duration / count, &simulation, &random)
            }
        case .oldDisks(let count, let duration):
            replaceDisks(of: some(count, &random), duration, &simulation, clients, &random)
        case .lostDisks(let count, let duration):
            for node in some(count, &random) {
                simulation.crash(node)
                clients.run(for: duration / count, &simulation, &random)
                simulation.replaceDisk(of: node, with: SimulatedDisk())
                bringBack(node, &simulation, &random)
                clients.write(at: node, &simulation, &random)
            }
        case .clocks(let count, let duration):
            for node in some(count, &random) {
                simulation.setClock(node, wrongBy: .seconds([-3600, 0, 3600].randomElement(using: &random) ?? 0))
                clients.run(for: duration / count, &simulation, &random)
            }
        case .downtime(let count, let hours):
            leave(some(count, &random), hours, areForgotten: false, &simulation, clients, &random)
        case .forgotten(let count, let hours):
            leave(some(count, &random), hours, areForgotten: true, &simulation, clients, &random)
        }
    }

    private func bringBack(_ node: Int, _ simulation: inout GossipSimulation, _ random: inout SplitMix64) {
        guard !simulation.nodes[node].isUp else { return }
        let peer = simulation.up.randomElement(using: &random)
        simulation.restart(node, joining: peer ?? (node + 1) % simulation.nodes.count)
    }

    private func replaceDisks(
        of nodes: [Int],
        _ duration: Duration,
        _ simulation: inout GossipSimulation,
        _ clients: SimulatedClients,
        _ random: inout SplitMix64
    ) {
        let before = nodes.map { simulation.nodes[$0].store?.disk ?? SimulatedDisk() }
        clients.run(for: duration, &simulation, &random)
        for (node, disk) in zip(nodes, before) {
            simulation.crash(node)
            clients.run(for: duration / 4, &simulation, &random)
            simulation.replaceDisk(of: node, with: disk)
            if Bool.random(using: &random) { simulation.setClock(node, wrongBy: .seconds(-3600)) }
            bringBack(node, &simulation, &random)
            // Writes before it can learn what it lost.
            for _ in 0..<3 { clients.write(at: node, &simulation, &random) }
        }
        clients.run(for: duration / 2, &simulation, &random)
    }

    private func leave(
        _ nodes: [Int],
        _ hours: Int,
        areForgotten: Bool,
        _ simulation: inout GossipSimulation,
        _ clients: SimulatedClients,
        _ random: inout SplitMix64
    ) {
        for node in nodes { simulation.network.groups[node] = node + 1 }
        clients.run(for: .seconds(2), &simulation, &random)
        for node in nodes { for _ in 0..<3 { clients.write(at: node, &simulation, &random) } }
        simulation.run(for: .milliseconds(100))
        for node in nodes { simulation.crash(node) }
        simulation.network.groups = [:]
        let bounds = SimulationBounds(configuration: simulation.configuration, nodes: simulation.nodes.count)
        clients.run(for: .seconds(2), &simulation, &random)
        simulation.run(for: bounds.noticed)
        let isLong = hours * 3600 >= Int(clients.configuration.lostMemberLimit.components.seconds)
        if isLong || areForgotten { simulation.expectQuarantine() }
        if areForgotten {
            for node in simulation.up { for goner in nodes { simulation.forget(goner, at: node) } }
        }
        for _ in 0..<2 {
            simulation.pass(.seconds(hours * 1800))
            clients.run(for: .seconds(1), &simulation, &random)
            // Until membership converges and tombstones are purged.
            simulation.run(for: .seconds(30))
        }
        for node in nodes { bringBack(node, &simulation, &random) }
    }
}

/// Clients that write and delete during the faults: few keys, so that writes conflict.
struct SimulatedClients: Sendable {
    let configuration: StoreConfiguration
    let keys: Int
    /// The average time between two writes.
    let interval: Duration

    func run(for duration: Duration, _ simulation: inout GossipSimulation, _ random: inout SplitMix64) {
        let end = simulation.time + duration.inNanoseconds
        while simulation.time < end {
            let pause = Int64.random(in: 0...2 * interval.inNanoseconds, using: &random)
            simulation.run(for: .nanoseconds(min(pause, end - simulation.time)))
            if let node = simulation.up.randomElement(using: &random) { write(at: node, &simulation, &random) }
        }
    }

    func write(at node: Int, _ simulation: inout GossipSimulation, _ random: inout SplitMix64) {
        let count = random.chance(0.1) ? Int.random(in: 2...5, using: &random) : 1
        let changes = (0..<count).map { _ in
            let key = StoreKey("bucket \(Int.random(in: 0..<2, using: &random))", key(&random))
            return StoreChange(key, random.chance(0.3) ? nil : value(&random))
        }
        simulation.write(changes, at: node)
    }

    private func key(_ random: inout SplitMix64) -> String { "key \(Int.random(in: 0..<keys, using: &random))" }

    /// Sometimes returns a value that is too large for a datagram.
    private func value(_ random: inout SplitMix64) -> [UInt8] {
        let length = random.chance(0.05) ? 2000 : Int.random(in: 0...40, using: &random)
        return (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
