import ArgumentParser
import Glibc
import StellarGossip
import StellarTestKit

/// Plots how fast clusters of growing size converge and notice a crash, beside the formulas.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes convergence.svg and detection.svg; every run writes the same files."
    )

    @Argument(help: "The folder to write them to.")
    var folder: String

    @Option(help: "Runs of each size; the plots show their median.")
    var runs = 3

    private static let sizes = [3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256]

    func run() throws {
        var joins: [(Int, Double)] = []
        var news: [(Int, Double)] = []
        var first: [(Int, Double)] = []
        var last: [(Int, Double)] = []
        for size in Self.sizes {
            let measured = (1...runs).map { Measurement(size: size, seed: UInt64($0)) }
            joins.append((size, median(measured.map(\.joins))))
            news.append((size, median(measured.map(\.news))))
            first.append((size, median(measured.map(\.first))))
            last.append((size, median(measured.map(\.last))))
        }
        try write(Self.convergence(joins: joins, news: news), to: "convergence.svg")
        try write(Self.detection(first: first, last: last), to: "detection.svg")
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func convergence(joins: [(Int, Double)], news: [(Int, Double)]) -> Plot {
        let preset = GossipConfiguration.lan
        let rounds = sizes.map { size in
            // In each round every node that has the news sends it to gossipNodes others.
            var (knowing, rounds) = (1, 0)
            while knowing < size { (knowing, rounds) = (knowing * (preset.gossipNodes + 1), rounds + 1) }
            return (size, Double(rounds) * preset.gossipInterval.inSeconds)
        }
        return Plot(
            title: "Until all know (preset lan, no loss)",
            lines: [
                Plot.Line(name: "all nodes start at once: all know all", points: joins),
                Plot.Line(name: "one node's news: all have it", points: news),
                Plot.Line(name: "formula: rounds of log(n) / log(1 + 3), 200 ms each", points: rounds, isFormula: true),
            ]
        )
    }

    private static func detection(first: [(Int, Double)], last: [(Int, Double)]) -> Plot {
        let preset = GossipConfiguration.lan
        func formula(_ value: (SimulationBounds) -> Duration) -> [(Int, Double)] {
            sizes.map { size in
                let bounds = SimulationBounds(configuration: preset, nodes: size)
                return (size, (value(bounds) + preset.probeInterval * 2).inSeconds)
            }
        }
        return Plot(
            title: "Until a crash is noticed (preset lan, no loss)",
            lines: [
                Plot.Line(name: "first node that calls it dead", points: first),
                Plot.Line(name: "last", points: last),
                Plot.Line(
                    name: "formula: confirmed suspicion and two probes",
                    points: formula(\.shortestSuspicion),
                    isFormula: true
                ),
                Plot.Line(
                    name: "formula: suspicion of one node alone",
                    points: formula(\.longestSuspicion),
                    isFormula: true
                ),
            ]
        )
    }

    private func write(_ plot: Plot, to name: String) throws {
        let path = "\(folder)/\(name)"
        guard let file = fopen(path, "w") else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
        let isWritten = fputs(plot.svg, file) >= 0
        guard fclose(file) == 0, isWritten else {
            throw ValidationError("\(path): \(String(cString: strerror(errno)))")
        }
    }
}

/// The times of one cluster that starts, spreads news and loses a node, in seconds.
private struct Measurement {
    var joins = Double.nan
    var news = Double.nan
    var first = Double.nan
    var last = Double.nan

    init(size: Int, seed: UInt64) {
        var codec = PacketCodec()
        codec.compresses = false
        var simulation = GossipSimulation(seed: seed, codec: codec, rejoins: false)
        let all = Array(0..<size)
        simulation.start()
        for _ in 1..<size { simulation.start(joining: 0) }
        joins = seconds(&simulation) { $0.agree(all) }
        // Until no news is left to send.
        simulation.run(for: .seconds(20))
        simulation.update(size / 2, metadata: [1])
        news = seconds(&simulation) { $0.agree(all) }
        simulation.run(for: .seconds(20))
        let crash = simulation.time
        simulation.crash(size / 2)
        let others = all.filter { $0 != size / 2 }
        _ = seconds(&simulation) { $0.agree(others) }
        let noticed = simulation.observations.filter { $0.kind == .failed && $0.time > crash }.map(\.time)
        first = Double((noticed.min() ?? crash) - crash) / 1e9
        last = Double((noticed.max() ?? crash) - crash) / 1e9
    }

    private func seconds(_ simulation: inout GossipSimulation, until condition: (GossipSimulation) -> Bool) -> Double {
        let start = simulation.time
        _ = simulation.run(within: .seconds(600), every: .milliseconds(20), until: condition)
        return Double(simulation.time - start) / 1e9
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
