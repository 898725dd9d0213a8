import FoundationEssentials
import StellarSystem
import StellarTestKit
import Testing

@testable import StellarGossip

/// Three nodes that mean well: `target`, which is attacked, another of ours and one of memberlist's. And who attacks.
final class HonestCluster {
    let target: ClusterNode
    let others: [ClusterNode]
    let socket: LoopbackSocket
    private let before: Memory

    struct Memory: Sendable {
        /// Bytes now, anonymous (proc(5), RssAnon), and at most ever (VmHWM).
        var now: Int
        var highest: Int
    }

    static func with(
        _ options: ClusterNode.Options = ClusterNode.Options(),
        kinds: [ClusterNode.Kind] = [.ours, .memberlist],
        _ body: (HonestCluster) async throws -> Void
    ) async throws {
        try await TemporaryDirectory.with { folder in
            let target = try await ClusterNode.start(.ours, "target", in: folder, options)
            var others: [ClusterNode] = []
            for (index, kind) in kinds.enumerated() {
                let node = try await ClusterNode.start(kind, "honest-\(index)", in: folder, options)
                try await node.join(target)
                others.append(node)
            }
            let cluster = try HonestCluster(target, others)
            try await cluster.agree()
            try await body(cluster)
        }
    }

    private init(_ target: ClusterNode, _ others: [ClusterNode]) throws {
        self.target = target
        self.others = others
        socket = try .datagrams()
        before = try Self.memory(of: target)
    }

    /// All honest nodes see all honest nodes; who else they believe in is the price of talking without a key.
    func agree() async throws {
        let names = Set(([target] + others).map(\.name))
        for node in [target] + others {
            try await eventually("\(node.name) sees all who are honest", every: .milliseconds(200)) {
                try await node.present().isSuperset(of: names) ? true : nil
            }
        }
    }

    /// Sends a datagram until the target has counted something.
    func attack(_ datagram: [UInt8], counts counter: String) async throws {
        let first = try await count(counter)
        try await eventually("\(counter) is counted", every: .milliseconds(50)) {
            socket.send(datagram, to: target.port)
            return try await count(counter) > first ? true : nil
        }
    }

    /// Opens a stream, sends what it takes, and waits for the target to count something.
    @discardableResult
    func attack(stream bytes: [UInt8], counts counter: String) async throws -> [UInt8] {
        let first = try await count(counter)
        let stream = try LoopbackSocket.connection(to: target.port)
        var rest = bytes[...]
        var answer: [UInt8] = []
        try await eventually("\(counter) is counted", every: .milliseconds(50)) {
            while !rest.isEmpty, let taken = stream.write(rest), taken > 0 { rest = rest.dropFirst(taken) }
            if case (.bytes(let more), _) = stream.receive() { answer += more }
            return try await count(counter) > first ? true : nil
        }
        return answer
    }

    /// A counter of the target; 0 where it has none of that name.
    func count(_ counter: String) async throws -> Int {
        let before = try target.output().count
        target.process.write(line: "counters")
        let lines = try await eventually("counters") { () -> ArraySlice<String>? in
            let lines = try target.output().dropFirst(before)
            return lines.contains("end") ? lines : nil
        }
        return lines.lazy.compactMap { line -> Int? in
            let words = line.split(separator: " ")
            return words.count == 2 && words[0] == counter ? Int(words[1]) : nil
        }.first ?? 0
    }

    /// Lines of the target's log that say so of 127.0.0.1.
    func logLines(_ text: String) throws -> [String] {
        try target.output().filter { $0.contains(text) && $0.contains("127.0.0.1:") && $0.contains("dropped") }
    }

    /// It runs, and has not grown beyond what the limits make of it.
    func isUnharmed(growth: Int = 32 << 20, highest: Int = 256 << 20) async throws {
        #expect(target.process.status == nil)
        let after = try Self.memory(of: target)
        #expect(after.now < before.now + growth, "anonymous memory: \(before.now) before, \(after.now) after")
        #expect(after.highest < highest)
        try await agree()
    }

    private static func memory(of node: ClusterNode) throws -> Memory {
        let text = try #require(ProcFile.read("/proc/\(node.process.pid)/status"))
        func field(_ name: String) -> Int {
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
            return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
        }
        return Memory(now: field("RssAnon"), highest: field("VmHWM"))
    }
}
