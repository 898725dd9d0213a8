import StellarStore
import StellarTestKit
import Testing

/// Random schedules of a few stores, without a network: writes, deletes, lost, duplicate or late messages, broken
/// exchanges, restarts. In the end all are equal, and hold the last writes.
struct StoreScheduleTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func allStoresConverge(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let bench = StoreBench(4)
        bench.joinAll()
        var latest: [String: StoreEntry] = [:]
        var inFlight: [(to: Int, bytes: [UInt8])] = []
        for _ in 0..<300 {
            let node = Int.random(in: 0..<4, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let key = "\(Int.random(in: 0..<6, using: &random))"
                let value = Bool.random(using: &random) ? "\(random.next())" : nil
                guard let entry = bench.write(key, value, at: node) else { break }
                if latest[key].map({ entry.supersedes($0) }) ?? true { latest[key] = entry }
            case 4..<7:
                // Late messages, in any order; some never arrive.
                guard !inFlight.isEmpty else { break }
                let message = inFlight.remove(at: Int.random(in: inFlight.indices, using: &random))
                if Int.random(in: 0..<4, using: &random) > 0 { try bench.receive(message.bytes, at: message.to) }
                if Int.random(in: 0..<8, using: &random) == 0 { inFlight.append(message) }
            case 7:
                let other = (node + Int.random(in: 1..<4, using: &random)) % 4
                try bench.exchange(node, other, limit: Int.random(in: 1...12, using: &random))
            case 8:
                bench.clockErrors[node] = Double(Int.random(in: -1...1, using: &random)) * 3600
                bench.pass(Double(Int.random(in: 0..<20, using: &random)) / 10, at: node)
            default:
                bench.restart(node)
                for other in 0..<4 where other != node { bench.join(node, other) }
            }
            for index in 0..<4 {
                for effect in bench.take(index) {
                    guard case .broadcast(let bytes, about: _) = effect else { continue }
                    for other in 0..<4 where other != index { inFlight.append((other, bytes)) }
                }
                #expect(bench.machines[index].everything == bench.disks[index].image.entries)
                #expect(bench.machines[index].vector == bench.disks[index].vector)
            }
        }
        for _ in 0..<2 { for index in 1..<4 { try bench.exchange(0, index) } }
        let expected = latest.values.filter { !$0.isTombstone }.sorted { $0.key < $1.key }
        for index in 0..<4 {
            #expect(bench.machines[index].entries("b") == expected)
            #expect(bench.machines[index].vector == bench.machines[0].vector)
            #expect(bench.machines[index].digest == bench.machines[0].digest)
            #expect(bench.machines[index].quarantined.isEmpty)
            #expect(bench.machines[index].counters.differences == 0)
        }
    }
}
