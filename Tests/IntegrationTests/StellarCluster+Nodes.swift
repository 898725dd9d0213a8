import FoundationEssentials
import StellarTestKit
import Testing

/// What `sctl cluster nodes --output json` prints of a node.
struct ListedNode: Decodable, Equatable {
    struct Node: Decodable, Equatable {
        var id: String
        var address: String?
        var status: String
        var last_seen: String?
        var conflict: String?
        var reason: String?
        var gossip_address: String?
    }

    struct Health: Decodable, Equatable {
        var cpus: Int?
    }

    var node: Node
    var health: Health?
}

extension StellarCluster.Node {
    /// All nodes as this one sees them.
    func listed() async throws -> [ListedNode] {
        let text = try await sctl("cluster", "nodes", "--output", "json")
        return try JSONDecoder().decode([ListedNode].self, from: Data(text.utf8))
    }

    /// Waits until this node sees all of these as said, and returns them by name.
    @discardableResult
    func sees(_ wanted: [(StellarCluster.Node, String)]) async throws -> [String: ListedNode] {
        let names = wanted.map { "\($0.0.name) \($0.1)" }.joined(separator: ", ")
        return try await eventually("\(name) sees \(names)", within: .seconds(180), every: .milliseconds(200)) {
            let found = Dictionary(try await listed().map { ($0.node.id, $0) }, uniquingKeysWith: { $1 })
            return wanted.allSatisfy { found[$0.0.name]?.node.status == $0.1 } ? found : nil
        }
    }

    /// Waits until this node would find these after a restart; what it knows is on its disk a second later.
    func remembers(_ others: [StellarCluster.Node]) async throws {
        try await eventually("\(name) remembers the others") {
            let known = FileManager.default.contents(atPath: "\(dataDirectory)/known-peers") ?? Data()
            let text = String(decoding: known, as: UTF8.self)
            return others.allSatisfy { text.contains($0.name) } ? true : nil
        }
    }

    /// The routes that the daemon made, as the kernel has them.
    func ways() async throws -> [String] {
        try await inside("ip", "-4", "route", "show", "proto", "83").output.split(separator: "\n").map(String.init)
    }

    /// The address and prefix of the bridge, as the kernel has it; nil without one.
    func gateway() async throws -> String? {
        let words = try await inside("ip", "-o", "-4", "address", "show", "dev", "stellar0").output.split(
            separator: " "
        )
        return words.firstIndex(of: "inet").map { String(words[$0 + 1]) }
    }
}

extension StellarCluster {
    /// Starts all daemons, the second and the following ones with the first one as their peer, and waits until all see all.
    func form(_ flags: [String] = []) async throws {
        for node in nodes {
            node.flags = flags + (node === nodes[0] ? [] : ["--peer", nodes[0].address])
            try await node.start()
        }
        try await seeEachOther()
    }

    /// Waits until every node sees every node alive, with an answer of its own.
    func seeEachOther() async throws {
        for node in nodes {
            try await eventually("\(node.name) has answers of all", within: .seconds(180), every: .milliseconds(200)) {
                let listed = try await node.listed()
                return listed.count == nodes.count
                    && listed.allSatisfy { $0.node.status == "alive" && $0.health?.cpus != nil } ? true : nil
            }
        }
    }

    /// Waits until every node has a way to the containers of every other.
    func haveWays() async throws {
        for node in nodes {
            try await eventually("\(node.name) has ways to all", within: .seconds(180), every: .milliseconds(200)) {
                try await node.ways().count == nodes.count - 1 ? true : nil
            }
        }
    }

    /// Waits until every node has a subnet, all of them different ones.
    func subnetsDiffer(_ when: String = "") async throws {
        var found: [String?] = []
        do {
            try await eventually("every node has a subnet of its own", within: .seconds(180), every: .milliseconds(200))
            {
                found = []
                for node in nodes { found.append(try await node.gateway()) }
                return Set(found.compactMap { $0 }).count == nodes.count ? true : nil
            }
        } catch {
            Issue.record("\(when): subnets \(found)")
            throw error
        }
    }
}
