import FoundationEssentials
import StellarTestKit
import Testing

/// A node in the output of `sctl cluster nodes --output json`.
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
    /// All nodes, as this node lists them.
    func listed() async throws -> [ListedNode] {
        let text = try await sctl("cluster", "nodes", "--output", "json")
        return try JSONDecoder().decode([ListedNode].self, from: Data(text.utf8))
    }

    /// Waits until this node lists the nodes with these states. Returns all listed nodes by name.
    @discardableResult
    func sees(_ wanted: [(StellarCluster.Node, String)]) async throws -> [String: ListedNode] {
        let names = wanted.map { "\($0.0.name) \($0.1)" }.joined(separator: ", ")
        return try await eventually("\(name) sees \(names)", within: .seconds(180), every: .milliseconds(200)) {
            let found = Dictionary(try await listed().map { ($0.node.id, $0) }, uniquingKeysWith: { $1 })
            return wanted.allSatisfy { found[$0.0.name]?.node.status == $0.1 } ? found : nil
        }
    }

    /// Waits until this node has stored the others as peers for its next start, which takes a second.
    func remembers(_ others: [StellarCluster.Node]) async throws {
        try await eventually("\(name) remembers the others") {
            let known = FileManager.default.contents(atPath: "\(dataDirectory)/known-peers") ?? Data()
            let text = String(decoding: known, as: UTF8.self)
            return others.allSatisfy { text.contains($0.name) } ? true : nil
        }
    }

    /// Whether a line of the daemon's log has all these texts.
    func logs(_ texts: String...) -> Bool {
        logged().split(separator: "\n").contains { line in texts.allSatisfy { line.contains($0) } }
    }

    /// The routes of the daemon in the kernel.
    func routes() async throws -> [String] {
        try await inside("ip", "-4", "route", "show", "proto", "83").output.split(separator: "\n").map(String.init)
    }

    /// The address and prefix of the bridge in the kernel; nil without one.
    func gateway() async throws -> String? {
        let words = try await inside("ip", "-o", "-4", "address", "show", "dev", "stellar0").output.split(
            separator: " "
        )
        return words.firstIndex(of: "inet").map { String(words[$0 + 1]) }
    }
}

extension StellarCluster {
    /// Starts all daemons, with the first one as the peer of the others, and waits until every node sees every node.
    func form(_ flags: [String] = []) async throws {
        for node in nodes {
            node.flags = flags + (node === nodes[0] ? [] : ["--peer", nodes[0].address])
            try await node.start()
        }
        try await seeEachOther()
    }

    /// Waits until every node lists every node as alive, with a response of that node.
    func seeEachOther() async throws {
        for node in nodes {
            try await eventually(
                "\(node.name) has responses of all nodes",
                within: .seconds(180),
                every: .milliseconds(200)
            ) {
                let listed = try await node.listed()
                return listed.count == nodes.count
                    && listed.allSatisfy { $0.node.status == "alive" && $0.health?.cpus != nil } ? true : nil
            }
        }
    }

    /// Waits until every node has a route to the containers of every other node.
    func haveRoutes() async throws {
        for node in nodes {
            try await eventually(
                "\(node.name) has routes to all nodes",
                within: .seconds(180),
                every: .milliseconds(200)
            ) {
                try await node.routes().count == nodes.count - 1 ? true : nil
            }
        }
    }

    /// Waits until every node has a subnet of its own.
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
