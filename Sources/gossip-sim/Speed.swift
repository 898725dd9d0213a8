import ArgumentParser
import StellarGossip
import StellarTestKit

struct Speed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures the simulation of a cluster whose nodes start at once; prints simulated and CPU seconds."
    )

    @Option(help: "Nodes.")
    var nodes = 1000

    @Option(help: "Simulated seconds.")
    var seconds = 60

    @Flag(help: "Compress datagrams, as the daemon does.")
    var compress = false

    func run() {
        var codec = PacketCodec()
        codec.compresses = compress
        let checks = SimulationChecks(SimulationBounds(configuration: .lan, nodes: nodes))
        // Rejoin keeps a list of all others on each node, which is not needed here.
        var simulation = GossipSimulation(seed: 1, codec: codec, rejoins: false, checks: checks)
        simulation.keepsObservations = false
        let start = ProcessTime.now
        simulation.start()
        for index in 1..<nodes { simulation.start(joining: index / 2) }
        var all: Int?
        for second in 1...seconds {
            simulation.run(for: .seconds(1))
            if all == nil, simulation.agree(Array(0..<nodes)) { all = second }
        }
        print("nodes \(nodes)")
        print("simulated_seconds \(seconds)")
        print("cpu_seconds \(ProcessTime.now - start)")
        print("datagrams \(simulation.datagrams)")
        print("messages \(simulation.messages)")
        print("all_know_all_seconds \(all.map { String($0) } ?? "never")")
        print("violations \(simulation.checks?.violations.count ?? 0)")
    }
}
