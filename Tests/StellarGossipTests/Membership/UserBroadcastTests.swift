import StellarTestKit
import Testing

@testable import StellarGossip

/// An application's broadcasts: they use the room that news of members leaves.
struct UserBroadcastTests {
    private typealias Bench = MembershipBench

    private static func cluster(_ configuration: GossipConfiguration = .lan) -> MembershipBench {
        var bench = Bench(configuration)
        for (index, name) in ["b", "c", "d"].enumerated() { bench.receive(Bench.alive(name, 1, at: UInt8(index + 2))) }
        return bench
    }

    /// The messages of each datagram that is sent in a time.
    private static func sent(_ bench: inout MembershipBench, for duration: Duration = .seconds(5)) -> [[GossipMessage]]
    {
        let end = bench.now + duration
        var datagrams: [[GossipMessage]] = []
        while bench.machine.deadline <= end {
            bench.now = max(bench.now, bench.machine.deadline)
            bench.machine.advance(now: bench.now, using: &bench.random)
            for effect in bench.machine.takeEffects() {
                guard case .send(let messages, to: _, hasChecksum: _) = effect else { continue }
                datagrams.append(messages.flatMap { PacketCodec().decode($0[...]).messages })
            }
        }
        bench.now = end
        return datagrams
    }

    @Test func broadcastIsSentAsOftenAsNews() {
        var bench = Self.cluster()
        _ = Self.sent(&bench)
        #expect(bench.machine.hasNoNews)
        bench.machine.broadcast([1, 2], about: "x")
        let messages = Self.sent(&bench).flatMap { $0 }.filter { $0 == .user([1, 2]) }
        #expect(messages.count == Formulas.retransmitLimit(multiplier: 4, nodes: 4))
        #expect(bench.machine.hasNoNews)
    }

    @Test func laterBroadcastReplacesTheEarlierOne() {
        var bench = Self.cluster()
        bench.machine.broadcast([1], about: "x")
        bench.machine.broadcast([2], about: "x")
        // A node's name is another subject.
        bench.machine.broadcast([3], about: "me")
        let messages = Self.sent(&bench).flatMap { $0 }
        #expect(!messages.contains(.user([1])) && messages.contains(.user([2])) && messages.contains(.user([3])))
        #expect(messages.contains { if case .alive(let claim) = $0 { claim.node == "me" } else { false } })
    }

    @Test func newsOfMembersComesBeforeBroadcasts() {
        var configuration = GossipConfiguration.lan
        configuration.datagramBytes = 300
        var bench = Self.cluster(configuration)
        for index in 0..<3 { bench.machine.broadcast([UInt8](repeating: 7, count: 150), about: "\(index)") }
        let datagrams = Self.sent(&bench)
        let firstUser = datagrams.firstIndex { $0.contains { if case .user = $0 { true } else { false } } }
        let firstNews = datagrams.firstIndex { $0.contains { if case .alive = $0 { true } else { false } } }
        #expect((firstNews ?? .max) < (firstUser ?? .max))
        #expect(bench.machine.hasNoNews)
        let codec = PacketCodec()
        for datagram in datagrams {
            #expect(Compound.length(of: datagram.map { $0.encoded() }) + codec.overhead + 5 <= 300)
        }
    }

    @Test func broadcastThatDoesNotFitADatagramIsRefused() {
        var bench = Self.cluster()
        let (large, small) = (
            bench.machine.broadcast([UInt8](repeating: 0, count: 1400), about: "x"),
            bench.machine.broadcast([UInt8](repeating: 0, count: 1390), about: "x")
        )
        #expect(!large && small)
        let sent = Self.sent(&bench).flatMap { $0 }
        #expect(sent.contains { if case .user(let bytes) = $0 { bytes.count == 1390 } else { false } })
    }

    @Test func queueOfBroadcastsIsBounded() {
        var bench = Self.cluster()
        for index in 0..<1000 { bench.machine.broadcast([UInt8](repeating: 0, count: 500), about: "\(index)") }
        #expect(bench.machine.userQueue.byteCount <= bench.machine.configuration.userQueueBytes)
    }
}
