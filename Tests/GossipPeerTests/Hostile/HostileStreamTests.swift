import StellarTestKit
import Testing

@testable import StellarGossip

/// Streams that no honest node opens.
@Suite(.requires(.memberlist))
struct HostileStreamTests {
    private static func header(nodes: Int, state: Int = 0) -> [UInt8] {
        var writer = MessagePackWriter(.pushPull)
        writer.map(3)
        writer.key("Join")
        writer.bool(true)
        writer.key("Nodes")
        writer.unsigned(UInt32(nodes))
        writer.key("UserStateLen")
        writer.unsigned(UInt32(state))
        return writer.bytes
    }

    @Test func invalidStreamsAreDroppedAndLogged() async throws {
        try await HonestCluster.with { cluster in
            let attacks: [(bytes: [UInt8], counter: String)] = [
                (Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), "drop.notGossip"),
                ([0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3], "drop.notGossip"),
                ([UInt8](repeating: 0xFF, count: 100_000), "drop.notGossip"),
                ([10, 0xFF, 0xFF, 0xFF, 0xFF], "drop.key"),
                ([244, 4] + Array("prod".utf8), "drop.label"),
                (Self.header(nodes: 1 << 30), "drop.notGossip"),
                (Self.header(nodes: 0, state: 1 << 30), "drop.notGossip"),
                // Forty-four megabytes of zeros.
                (Bomb.zeros(tables: 6), "drop.tooLarge"),
                (Acknowledgement(sequence: 1).encoded(), "drop.unexpected"),
            ]
            for (bytes, counter) in attacks { try await cluster.attack(stream: bytes, counts: counter) }
            #expect(try cluster.logLines(.notGossip).count == 1)
            try await cluster.isUnharmed(growth: 96 << 20)
        }
    }

    /// More connections than the limit, and none of them sends a complete message.
    @Test func endlessStreamsAreClosed() async throws {
        try await HonestCluster.with { cluster in
            let beginnings = [[], [6], Self.header(nodes: 60_000), [10, 0x01, 0x00, 0x00, 0x00], [9]]
            var streams: [LoopbackSocket] = []
            for index in 0..<400 {
                let stream = try LoopbackSocket.connection(to: cluster.target.port)
                _ = stream.write(beginnings[index % beginnings.count][...])
                streams.append(stream)
            }
            try await eventually("too many are refused") {
                try await cluster.count("drop.streamLimit") > 0 ? true : nil
            }
            // A byte now and then does not extend the time-out.
            try await eventually("all are closed", every: .milliseconds(300)) {
                streams.removeAll { stream in
                    if case (.end, _) = stream.receive() { return true }
                    return stream.write([0x80]) == nil
                }
                return streams.isEmpty ? true : nil
            }
            #expect(try await cluster.count("drop.streamTimeout") > 0)
            let newcomer = try await cluster.target.run("join 127.0.0.1:\(cluster.others[1].port)", output: "joined")
            #expect(newcomer.hasSuffix("<nil>"))
            try await cluster.isUnharmed()
        }
    }

    /// Many streams at once, each with as many bytes as one may have.
    @Test func memoryOfAllStreamsIsBounded() async throws {
        try await HonestCluster.with { cluster in
            var writer = MessagePackWriter(.user)
            writer.map(1)
            writer.key("UserMsgLen")
            writer.signed(20 << 20)
            let head = writer.bytes
            let piece = [UInt8](repeating: 1, count: 65_536)
            var streams: [LoopbackSocket] = []
            for _ in 0..<100 {
                let stream = try LoopbackSocket.connection(to: cluster.target.port)
                _ = stream.write(head[...])
                streams.append(stream)
            }
            try await eventually("the memory of all is limited", every: .milliseconds(10)) {
                for stream in streams { _ = stream.write(piece[...]) }
                return try await cluster.count("drop.tooLarge") > 0 ? true : nil
            }
            streams = []
            try await cluster.isUnharmed(growth: 160 << 20)
        }
    }
}
