import StellarTestKit
import Testing

/// Clusters of our nodes, memberlist's and Serf's, which see of each other what they see of their own kind.
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

    /// Waits until each of these sees exactly all of these.
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

    /// Says something until it is heard: a datagram may be lost.
    private static func message(
        _ verb: String,
        _ text: String,
        from speaker: ClusterNode,
        to hearer: ClusterNode
    ) async throws {
        try await eventually("\(hearer.name) hears \(text)", every: .milliseconds(300)) {
            if try hearer.output().contains("message \(text)") { return true }
            speaker.process.write(line: "\(verb) \(text)")
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
    func eachKindSeesWhatTheOthersDo(options: ClusterNode.Options) async throws {
        try await TemporaryDirectory.with { folder in
            let nodes = try await Self.cluster(3, in: folder, options)
            let all = nodes.values.flatMap { $0 }
            try await Self.agree(all)

            func first(_ kind: ClusterNode.Kind) throws -> ClusterNode { try #require(nodes[kind]?[0]) }
            for kind in ClusterNode.Kind.allCases {
                let teller = try first(kind)
                try await teller.describe(as: "\(kind)-news")
                for other in all where other.name != teller.name {
                    try await other.sees(teller, describedAs: "\(kind)-news")
                }
            }

            // Serf has messages of its own for everything.
            let (ours, theirs) = (try first(.ours), try first(.memberlist))
            try await Self.message("send", "hello from ours", from: ours, to: theirs)
            try await Self.message("send", "hello from theirs", from: theirs, to: ours)
            try await Self.message("stream", "hello on a stream", from: theirs, to: ours)

            for kind in ClusterNode.Kind.allCases {
                let leaver = try #require(nodes[kind]?[1])
                try await leaver.leave()
                let others = nodes.values.flatMap { [$0[0], $0[2]] }
                for other in others { try await other.sees(absence: leaver) }
                let told = try others.filter { other in
                    try other.output().contains { $0.hasPrefix("leave \(leaver.name) ") }
                }
                #expect(told.contains { $0.kind == .ours }, "\(leaver.name) left and is not called dead")
            }
            for kind in ClusterNode.Kind.allCases { try #require(nodes[kind]?[2]).kill() }
            for victim in nodes.values.map({ $0[2] }) {
                for other in nodes.values.map({ $0[0] }) { try await other.sees(death: victim) }
            }
            try await Self.agree(nodes.values.map { $0[0] })
        }
    }

    /// memberlist 0.2.2 knows no labels: a cluster that has one lets none of its kind in, whoever asks whom.
    @Test func aClusterWithALabelTakesNobodyWithoutOne() async throws {
        try await TemporaryDirectory.with { folder in
            let options = ClusterNode.Options(label: "blue")
            let ours = [
                try await ClusterNode.start(.ours, "ours-0", in: folder, options),
                try await ClusterNode.start(.ours, "ours-1", in: folder, options),
            ]
            let stranger = try await ClusterNode.start(.memberlist, "stranger", in: folder, options)
            for (asker, asked) in [(stranger, ours[0]), (ours[1], stranger)] {
                let answer = try await asker.ask("join 127.0.0.1:\(asked.port)", answer: "joined")
                #expect(!answer.hasSuffix("<nil>"), "\(asker.name) joins \(asked.name)")
            }
            try await ours[1].join(ours[0])
            try await Self.agree(ours)
            try await Self.agree([stranger])
            for node in ours { #expect(try await node.blamed().isEmpty) }
        }
    }

    /// From 33 nodes on the time between push/pulls grows.
    @Test func thirtyThreeNodesOfThreeKinds() async throws {
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
                #expect(try await other.blamed() == Set(victims.map(\.name)), "seen by \(other.name)")
            }
        }
    }

    /// The new key is added everywhere, then used everywhere, then the old one removed, while messages go both ways.
    @Test(arguments: [(16, 32), (32, 24), (24, 16)])
    func keysAreChangedWhileMessagesGo(old: Int, new: Int) async throws {
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
            func allHearAll(_ step: String) async throws {
                for speaker in nodes {
                    for hearer in nodes where hearer.name != speaker.name {
                        try await Self.message("send", "\(step) by \(speaker.name)", from: speaker, to: hearer)
                    }
                }
            }
            let steps = [("add", newKey), ("use", newKey), ("remove", oldKey)]
            try await allHearAll("before")
            for (verb, key) in steps {
                for (index, node) in nodes.enumerated() {
                    let answer = try await node.ask("key \(verb) \(Hex.encode(key))", answer: "key")
                    #expect(answer == "key <nil>", "\(node.name): \(verb)")
                    try await allHearAll("\(verb)-\(index)")
                }
            }
            for node in nodes { #expect(try await node.blamed().isEmpty, "seen by \(node.name)") }
            try await Self.agree(nodes)
        }
    }
}
