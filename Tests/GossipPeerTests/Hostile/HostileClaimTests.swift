import StellarTestKit
import Testing

@testable import StellarGossip

/// False messages in valid form: the node that they are about refutes them, and the others accept that.
@Suite(.requires(.memberlist))
struct HostileClaimTests {
    private static func claims(about name: String, _ incarnation: UInt32) -> [[UInt8]] {
        [
            Suspect(node: name, incarnation: incarnation, from: "liar").encoded(),
            Suspect(node: name, incarnation: incarnation, from: "other liar").encoded(),
            Dead(node: name, incarnation: incarnation, from: "liar").encoded(),
            Dead(node: name, incarnation: incarnation, from: name).encoded(),
        ]
    }

    /// Sends false messages about every node to every node.
    private static func lie(to cluster: HonestCluster, _ incarnations: [UInt32]) {
        let nodes = [cluster.target] + cluster.others
        for receiver in nodes {
            for name in nodes.map(\.name) {
                for incarnation in incarnations {
                    for claim in claims(about: name, incarnation) { cluster.socket.send(claim, to: receiver.port) }
                }
            }
        }
    }

    @Test func falseDeathsAreRefuted() async throws {
        try await HonestCluster.with { cluster in
            for round in 0..<5 {
                Self.lie(to: cluster, [0, 1, UInt32(10 * round), UInt32(100 * round)])
                try await cluster.agree()
            }
            #expect(try await cluster.count("refutations") > 0)
            #expect(try await cluster.count("staleClaims") > 0)
            try await cluster.isUnharmed()
        }
    }

    /// No incarnation is the last: after the highest number comes the lowest.
    @Test func everyIncarnationCanBeRefuted() async throws {
        try await HonestCluster.with(kinds: [.ours, .ours]) { cluster in
            for highest in [UInt32.max, 1 << 31, (1 << 31) - 1, .max - 1, .max, 5, 1 << 30] {
                Self.lie(to: cluster, [highest])
                try await cluster.agree()
            }
            try await cluster.isUnharmed()
        }
    }

    @Test func staleMessagesChangeNothing() async throws {
        try await HonestCluster.with { cluster in
            let honest = cluster.others[0]
            try await honest.describe(as: "new")
            try await cluster.target.sees(honest, describedAs: "new")
            let old = Alive(
                node: honest.name,
                incarnation: 1,
                address: WireAddress([127, 0, 0, 1]) ?? .none,
                port: honest.port,
                metadata: Array("old".utf8)
            )
            for _ in 0..<10 { try await cluster.attack(old.encoded(), counts: "staleClaims") }
            #expect(try !cluster.target.output().contains { $0.hasPrefix("update ") && $0.contains("old") })
            try await cluster.isUnharmed()
        }
    }

    @Test func floodOfIndirectPingsAndNamesIsBounded() async throws {
        try await HonestCluster.with { cluster in
            let loopback = try #require(WireAddress([127, 0, 0, 1]))
            let silent = try LoopbackSocket.datagrams()
            let request = IndirectPing(
                sequence: 1,
                target: loopback,
                port: silent.port,
                node: "x",
                wantsNack: false
            )
            let many = Compound.encode([[UInt8]](repeating: request.encoded(), count: 250))
            try await eventually("requests are refused", every: .milliseconds(1)) {
                for _ in 0..<20 { cluster.socket.send(many, to: cluster.target.port) }
                return try await cluster.count("refusedRelays") > 0 ? true : nil
            }
            for number in 0..<2000 {
                let ghost = Alive(node: "ghost-\(number)", incarnation: 1, address: loopback, port: silent.port)
                cluster.socket.send(ghost.encoded(), to: cluster.target.port)
            }
            try await cluster.isUnharmed()
        }
    }
}
