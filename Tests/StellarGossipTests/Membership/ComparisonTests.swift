import Testing

@testable import StellarGossip

/// When a node compares everything with another one (push/pull).
@Suite struct ComparisonTests {
    /// The times of the comparisons in so many seconds after the first other node was met.
    private func comparisons(within limit: Int) -> [Duration] {
        var bench = MembershipBench()
        bench.now = GossipTime(nanoseconds: 0)
        bench.receive(MembershipBench.alive("a", 1))
        let (start, end) = (bench.now, bench.now + .seconds(limit))
        var times: [Duration] = []
        while bench.machine.deadline <= end {
            bench.now = max(bench.now, bench.machine.deadline)
            bench.machine.advance(now: bench.now, using: &bench.random)
            for effect in bench.machine.takeEffects() {
                switch effect {
                case .pushPull: times.append(bench.now - start)
                // It stays alive.
                case .send(let messages, _, _):
                    for case .ping(let ping)? in messages.map({ PacketCodec().decode($0[...]).messages.first }) {
                        bench.receive(.acknowledgement(Acknowledgement(sequence: ping.sequence)))
                    }
                default: break
                }
            }
        }
        return times
    }

    @Test func whoFindsOthersComparesTwiceSoonAndThenRarely() {
        let times = comparisons(within: 34)
        #expect(times.count == 3)
        #expect(times.first.map { $0 >= .milliseconds(500) && $0 <= .seconds(1) } == true)
        #expect(times.dropFirst().first.map { $0 >= .milliseconds(1500) && $0 <= .seconds(3) } == true)
        // The interval of the profile.
        #expect(times.last.map { $0 >= .milliseconds(31_500) && $0 <= .seconds(33) } == true)
    }
}
