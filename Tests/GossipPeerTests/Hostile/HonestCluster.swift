import FoundationEssentials
import StellarSystem
import StellarTestKit
import Testing

@testable import StellarGossip

/// Three honest nodes: `target`, which the test attacks, another node of ours and one of memberlist. And the attacker's
/// socket.
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

    /// Waits until all honest nodes see all honest nodes. Without a key they may also see invented ones.
    func agree() async throws {
        let names = Set(([target] + others).map(\.name))
        for node in [target] + others {
            try await eventually("\(node.name) sees all honest nodes", every: .milliseconds(200)) {
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

    /// Opens a stream, sends as much as it takes, and waits until the target has counted something.
    @discardableResult
    func attack(stream bytes: [UInt8], counts counter: String) async throws -> [UInt8] {
        let first = try await count(counter)
        let stream = try LoopbackSocket.connection(to: target.port)
        var rest = bytes[...]
        var response: [UInt8] = []
        try await eventually("\(counter) is counted", every: .milliseconds(50)) {
            while !rest.isEmpty, let taken = stream.write(rest), taken > 0 { rest = rest.dropFirst(taken) }
            if case (.bytes(let more), _) = stream.receive() { response += more }
            return try await count(counter) > first ? true : nil
        }
        return response
    }

    /// A counter of the target; 0 if it has none of that name.
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

    /// The lines of the target's log about drops of 127.0.0.1 for this reason.
    func logLines(_ reason: DropReason) throws -> [String] {
        try target.output().filter {
            $0.contains(reason.explanation) && $0.contains("127.0.0.1:") && $0.contains("dropped")
        }
    }

    /// The target runs, and its memory has not grown beyond the limits.
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
