import StellarTestKit
import Testing

/// Clusters of nodes of ours, of memberlist and of Serf. Each kind sees the changes of the others.
@Suite(.requires(.memberlist, .serf))
struct MixedClusterTests {
    private typealias Options = ClusterNode.Options

    /// Starts `count` of each kind; each joins one of another kind.
    private static func cluster(
        _ count: Int,
        in folder: String,
        _ options: ClusterNode.Options
    ) async throws -> [ClusterNode.Kind: [ClusterNode]] {
        var nodes: [ClusterNode.Kind: [ClusterNode]] = [:]
        var last: ClusterNode?
        for index in 0..<count {
            for kind in ClusterNode.Kind.allCases {
                let node = try await ClusterNode.start(kind, "\(kind)-\(index)", in: folder, options)
                if let last { try await node.join(last) }
                last = node
                nodes[kind, default: []].append(node)
            }
        }
        return nodes
    }

    /// Waits until each of these nodes sees exactly these nodes.
    private static func agree(_ nodes: [ClusterNode]) async throws {
        let names = Set(nodes.map(\.name))
        for node in nodes {
            try await eventually("\(node.name) sees all \(nodes.count)", every: .milliseconds(300)) {
                let present = try await node.present()
                guard present == names else {
                    throw Differs(missing: names.subtracting(present), more: present.subtracting(names))
                }
                return true
            }
        }
    }

    /// Sends a message until it arrives: a datagram may be lost.
    private static func message(
        _ verb: String,
        _ text: String,
        from sender: ClusterNode,
        to receiver: ClusterNode
    ) async throws {
        try await eventually("\(receiver.name) receives \(text)", every: .milliseconds(300)) {
            if try receiver.output().contains("message \(text)") { return true }
            sender.process.write(line: "\(verb) \(text)")
            return nil
        }
    }

    struct Differs: Error {
        var missing: Set<String>
        var more: Set<String>
    }

    @Test(
        arguments: [
            ClusterNode.Options(compresses: false), ClusterNode.Options(),
            ClusterNode.Options(keys: [[UInt8](repeating: 1, count: 16)]),
            ClusterNode.Options(compresses: false, keys: [[UInt8](repeating: 2, count: 24)]),
            ClusterNode.Options(keys: [[UInt8](repeating: 3, count: 32)]),
        ]
    )
    func eachKindSeesTheChangesOfTheOthers(options: ClusterNode.Options) async throws {
        try await TemporaryDirectory.with { folder in
            let nodes = try await Self.cluster(3, in: folder, options)
            let all = nodes.values.flatMap { $0 }
            try await Self.agree(all)

            func first(_ kind: ClusterNode.Kind) throws -> ClusterNode { try #require(nodes[kind]?[0]) }
            for kind in ClusterNode.Kind.allCases {
                let updated = try first(kind)
                try await updated.describe(as: "\(kind)-news")
                for other in all where other.name != updated.name {
                    try await other.sees(updated, describedAs: "\(kind)-news")
                }
            }

            // Not with Serf, which has messages of its own.
            let (ours, theirs) = (try first(.ours), try first(.memberlist))
            try await Self.message("send", "hello from ours", from: ours, to: theirs)
            try await Self.message("send", "hello from theirs", from: theirs, to: ours)
            try await Self.message("stream", "hello on a stream", from: theirs, to: ours)

            for kind in ClusterNode.Kind.allCases {
                let leaver = try #require(nodes[kind]?[1])
                try await leaver.leave()
                let others = nodes.values.flatMap { [$0[0], $0[2]] }
                for other in others { try await other.sees(endOf: leaver) }
                let informed = try others.filter { other in
                    try other.output().contains { $0.hasPrefix("leave \(leaver.name) ") }
                }
                #expect(informed.contains { $0.kind == .ours }, "\(leaver.name) left and is not reported dead")
            }
            for kind in ClusterNode.Kind.allCases { try #require(nodes[kind]?[2]).kill() }
            for victim in nodes.values.map({ $0[2] }) {
                for other in nodes.values.map({ $0[0] }) { try await other.sees(death: victim) }
            }
            try await Self.agree(nodes.values.map { $0[0] })
        }
    }

    /// memberlist 0.2.2 knows no labels: a cluster with a label refuses it, whichever of the two opens the stream.
    @Test func clusterWithALabelRefusesPeersWithoutOne() async throws {
        try await TemporaryDirectory.with { folder in
            let options = ClusterNode.Options(label: "blue")
            let ours = [
                try await ClusterNode.start(.ours, "ours-0", in: folder, options),
                try await ClusterNode.start(.ours, "ours-1", in: folder, options),
            ]
            let stranger = try await ClusterNode.start(.memberlist, "stranger", in: folder, options)
            for (joining, joined) in [(stranger, ours[0]), (ours[1], stranger)] {
                let output = try await joining.run("join 127.0.0.1:\(joined.port)", output: "joined")
                #expect(!output.hasSuffix("<nil>"), "\(joining.name) joins \(joined.name)")
            }
            try await ours[1].join(ours[0])
            try await Self.agree(ours)
            try await Self.agree([stranger])
            for node in ours { #expect(try await node.reportedDead().isEmpty) }
        }
    }

    /// From 33 nodes on the interval of push/pulls grows.
    @Test func thirtyThreeNodesOfThreeKindsAgree() async throws {
        try await TemporaryDirectory.with { folder in
            let nodes = try await Self.cluster(11, in: folder, ClusterNode.Options())
            try await Self.agree(nodes.values.flatMap { $0 })
            let victims = nodes.values.map { $0[5] }
            for victim in victims { victim.kill() }
            let others = nodes.values.flatMap { $0 }.filter { node in !victims.contains { $0.name == node.name } }
            for other in others {
                for victim in victims { try await other.sees(death: victim) }
            }
            try await Self.agree(others)
            for other in others {
                #expect(try await other.reportedDead() == Set(victims.map(\.name)), "seen by \(other.name)")
            }
        }
    }

    /// Adds the new key on every node, then uses it on every node, then removes the old one, while messages go both
    /// ways.
    @Test(arguments: [(16, 32), (32, 24), (24, 16)])
    func keysChangeWhileMessagesAreSent(old: Int, new: Int) async throws {
        let (oldKey, newKey) = ([UInt8](repeating: 4, count: old), [UInt8](repeating: 5, count: new))
        try await TemporaryDirectory.with { folder in
            let options = ClusterNode.Options(keys: [oldKey])
            var nodes: [ClusterNode] = []
            for kind in [ClusterNode.Kind.ours, .memberlist, .ours, .memberlist] {
                let node = try await ClusterNode.start(kind, "\(kind)-\(nodes.count)", in: folder, options)
                if let last = nodes.last { try await node.join(last) }
                nodes.append(node)
            }
            try await Self.agree(nodes)
            func allReceiveFromAll(_ step: String) async throws {
                for sender in nodes {
                    for receiver in nodes where receiver.name != sender.name {
                        try await Self.message("send", "\(step) by \(sender.name)", from: sender, to: receiver)
                    }
                }
            }
            let steps = [("add", newKey), ("use", newKey), ("remove", oldKey)]
            try await allReceiveFromAll("before")
            for (verb, key) in steps {
                for (index, node) in nodes.enumerated() {
                    let output = try await node.run("key \(verb) \(Hex.encode(key))", output: "key")
                    #expect(output == "key <nil>", "\(node.name): \(verb)")
                    try await allReceiveFromAll("\(verb)-\(index)")
                }
            }
            for node in nodes { #expect(try await node.reportedDead().isEmpty, "seen by \(node.name)") }
            try await Self.agree(nodes)
        }
    }
}
