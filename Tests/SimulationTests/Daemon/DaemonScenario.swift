import StellarCore
import StellarRPC
import StellarTestKit

@testable import StellarDaemon

/// One run of a cluster of daemons, determined by a seed: the number of nodes, their network, and episodes of faults in
/// which clients give commands at random nodes. After each episode all faults end, and the invariants must hold
/// (``ClusterSimulation/converge()``).
struct DaemonScenario: Sendable {
    let seed: UInt64
    let nodes: Int
    let network: SimulatedNetwork
    let episodes: [DaemonEpisode]
    private let random: SplitMix64

    /// The result of a run.
    struct Outcome {
        var violations: [CommandLedger.Violation]
        var commands: Int
        var acknowledged: Int
        /// Commands whose daemon crashed before they ended.
        var interrupted: Int
        /// Acknowledged commands that went with a disk.
        var gone: Int
        /// Jobs of all daemons.
        var jobs: Int
        /// A digest of the run.
        var trace: UInt64
        /// Simulated time.
        var duration: Duration
    }

    init(seed: UInt64) {
        self.seed = seed
        // Another run than that of gossip or of stores.
        var random = SplitMix64(seed: seed ^ 0x4441_454D_4F4E)
        let count = Int.random(in: 2...5, using: &random)
        nodes = count
        var network = SimulatedNetwork()
        network.loss = [0, 0, 0.01, 0.05].randomElement(using: &random) ?? 0
        network.latency = .microseconds(Int64.random(in: 50...5000, using: &random))
        network.jitter = .microseconds(Int64.random(in: 0...20_000, using: &random))
        self.network = network
        episodes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            DaemonEpisode(nodes: count, using: &random)
        }
        self.random = random
    }

    /// Runs in a thread of its own: nothing else may run the daemons' jobs.
    func run() async throws -> Outcome {
        try await ClusterSimulation.inOwnThread { run(in: $0) }
    }

    private func run(in directory: String) -> Outcome {
        var random = random
        let cluster = ClusterSimulation(seed: random.next(), directory: directory)
        cluster.gossip.network = network
        for _ in 0..<nodes { cluster.add() }
        var clients = SimulatedClients(seed: random.next())
        cluster.run(for: .seconds(2))
        for episode in episodes where cluster.ledger.violations.isEmpty {
            episode.run(cluster, &clients, using: &random)
            cluster.gossip.network = network
            for host in cluster.hosts { host.faults = HostFaults() }
            cluster.crashes = []
            for index in 0..<nodes { cluster.restart(index) }
            cluster.converge()
        }
        let outcome = Outcome(
            violations: cluster.ledger.violations,
            commands: cluster.ledger.commands.count,
            acknowledged: cluster.ledger.acknowledged,
            interrupted: cluster.ledger.interrupted,
            gone: cluster.ledger.gone,
            jobs: cluster.scheduler.count,
            trace: cluster.gossip.trace ^ UInt64(cluster.scheduler.count) << 32,
            duration: .nanoseconds(cluster.time)
        )
        cluster.end()
        return outcome
    }
}

extension DaemonScenario: CustomStringConvertible {
    /// The scenario in words, for failures.
    var description: String {
        let steps = episodes.map { "\($0)" }.joined(separator: "; ")
        return "seed \(seed): daemons on \(nodes) nodes, \(Int(network.loss * 100)) % loss; \(steps)"
    }
}
