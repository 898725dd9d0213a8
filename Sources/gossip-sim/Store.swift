import ArgumentParser
import StellarTestKit

struct Store: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how fast the store spreads writes in a simulated cluster; prints simulated seconds."
    )

    @Option(help: "Nodes.")
    var nodes = 30

    @Option(help: "Writes, one after the other.")
    var writes = 50

    @Option(help: "Bytes of each value.")
    var bytes = 200

    @Option(help: "The share of datagrams that are lost.")
    var loss = 0.0

    @Option(help: "Measure a load instead: writes a second, at one node.")
    var load: Int?

    @Option(help: "Seconds of the load.")
    var seconds = 30

    @Option(help: "The seed of the run.")
    var seed: UInt64 = 1

    func run() {
        if let load {
            let result = StoreLoad(nodes: nodes, perSecond: load, seconds: seconds, seed: seed)
            print("writes \(result.writes)")
            print("acknowledged \(result.acknowledged)")
            print("caught_up_seconds \(result.caughtUp.map { "\($0)" } ?? "never")")
            print("exchanges \(result.exchanges)")
            return
        }
        let spread = StoreSpread(nodes: nodes, writes: writes, bytes: bytes, loss: loss, seed: seed)
        print("half_seconds \(spread.time(ofPercent: 50))")
        print("p99_seconds \(spread.time(ofPercent: 99))")
        print("all_seconds_median \(spread.last.isEmpty ? .infinity : spread.last[spread.last.count / 2])")
        print("all_seconds_worst \(spread.last.last ?? .infinity)")
        print("missing \(spread.missing)")
        print("rest_bytes_per_node_second \(StoreSpread.bytesAtRest(nodes: nodes, seed: seed))")
    }
}
