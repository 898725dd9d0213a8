import FoundationEssentials
import StellarTestKit
import Testing

/// The observed state of a node, from containerd and the kernel instead of its daemon.
extension StellarCluster.Node {
    /// The containers of this node with a running process.
    func running() async throws -> [String] {
        try await ctr("tasks", "ls").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count == 3 && words[2] == "RUNNING" ? String(words[0]) : nil
        }
    }

    /// The address of a container of this node, from its network namespace.
    func address(of container: String) async throws -> String {
        let namespace = "--net=\(stateDirectory)/ns/\(container)/net"
        let command = [namespace, "ip", "-4", "-o", "address", "show", "dev", "eth0"]
        let shown = try await ChildProcess.run("nsenter", command)
        let words = shown.output.split(separator: " ")
        guard let index = words.firstIndex(of: "inet") else {
            throw ChildProcess.Failure(command: ["address", container], result: shown)
        }
        return String(words[index + 1].prefix { $0 != "/" })
    }

    /// The addresses that this node's nameserver has for a name.
    func lookUp(_ name: String) async throws -> Set<String> {
        guard let gateway = try await gateway() else { return [] }
        let server = gateway.prefix { $0 != "/" }
        let response = try await inside("dig", "+short", "+time=5", "@\(server)", name)
        guard response.status == 0 else { return [] }
        return Set(response.output.split(separator: "\n").map(String.init))
    }

    /// Creates an app with HTTP servers. Returns when all replicas on reachable nodes run.
    func create(_ app: String, _ image: String, replicas: Int) async throws {
        try await sctl("apps", "create", "-f", file("\(app).json", serverApp(app, image, replicas: replicas)))
    }

    /// `apps list`, without its heading: name, number of services, state.
    func apps() async throws -> [[String]] {
        try await sctl("apps", "list").split(separator: "\n").dropFirst().map {
            $0.split(separator: " ").map(String.init)
        }
    }
}

extension StellarCluster {
    /// The running containers of `app.main` with their nodes, by id. An id that runs on two nodes is in the list twice.
    func places(of app: String, among some: [Node]? = nil) async throws -> [(id: String, node: Node)] {
        var places: [(id: String, node: Node)] = []
        for node in some ?? nodes {
            for id in try await node.running() where id.hasPrefix("\(app).main.") { places.append((id, node)) }
        }
        return places.sorted { $0.id < $1.id }
    }

    /// Waits until each replica of `app.main` runs exactly once, and no other. Returns the nodes.
    @discardableResult
    func runs(_ app: String, _ replicas: Int, _ when: String = "") async throws -> [(id: String, node: Node)] {
        let wanted = (0..<replicas).map { "\(app).main.\($0)" }
        var seen: [(id: String, node: Node)] = []
        do {
            return try await eventually("\(replicas) of \(app) run", within: .seconds(300), every: .milliseconds(300)) {
                seen = try await places(of: app)
                return seen.map(\.id) == wanted ? seen : nil
            }
        } catch {
            let found = seen.map { "\($0.id) on \($0.node.name)" }
            Issue.record("\(when) \(app): runs \(found), expected \(wanted)")
            throw error
        }
    }

    /// The addresses of all running containers, by id.
    func addresses(of apps: [String], among some: [Node]? = nil) async throws -> [String: String] {
        var addresses: [String: String] = [:]
        for app in apps {
            for (id, node) in try await places(of: app, among: some) { addresses[id] = try await node.address(of: id) }
        }
        return addresses
    }

    /// Waits until the nodes resolve the names of an app to the addresses of its containers, each a different one.
    ///
    /// - Parameter some: the nodes to query, and whose containers count; nil for all.
    func resolves(_ app: String, among some: [Node]? = nil, _ when: String = "") async throws {
        var addresses: [String: String] = [:]
        var seen: [[String: Set<String>]] = []
        do {
            try await eventually("all nodes resolve \(app)", within: .seconds(240), every: .milliseconds(500)) {
                () -> Bool? in
                addresses = try await self.addresses(of: [app], among: some)
                seen = []
                for node in some ?? nodes {
                    var found = ["": try await node.lookUp("\(app).main.stellar")]
                    for id in addresses.keys { found[id] = try await node.lookUp("\(id).stellar") }
                    seen.append(found)
                }
                return Set(addresses.values).count == addresses.count
                    && seen.allSatisfy { found in
                        found[""] == Set(addresses.values) && addresses.allSatisfy { found[$0.key] == [$0.value] }
                    } ? true : nil
            }
        } catch {
            Issue.record("\(when): resolved \(seen), expected \(addresses)")
            throw error
        }
    }

    /// Waits until each container of an app reaches each other one, on any node: HTTP on port 8080.
    func connected(_ app: String, among some: [Node]? = nil, _ when: String = "") async throws {
        var missing = ""
        do {
            try await eventually("all of \(app) reach each other", within: .seconds(240), every: .milliseconds(300)) {
                () -> Bool? in
                let addresses = try await addresses(of: [app], among: some)
                for (id, node) in try await places(of: app, among: some) {
                    let others = addresses.filter { $0.key != id }.values.sorted().joined(separator: " ")
                    // Debian's static busybox has a wget that crashes.
                    let ask = "printf 'GET /passwd HTTP/1.0\\r\\n\\r\\n' | nc -w 5 $a 8080 | grep -q ^root:"
                    let silent = try await node.exec(id, "sh", "-c", "for a in \(others); do \(ask) || echo $a; done")
                    missing = "\(id) on \(node.name): \(silent), of \(addresses)"
                    guard silent.status == 0, silent.output.isEmpty else { return nil }
                }
                return true
            }
        } catch {
            Issue.record("\(when): not all of \(app) reach each other: \(missing)")
            throw error
        }
    }

    /// Waits until all nodes have these apps: each replica runs once, at an address of its own; all nodes list the same and resolve
    /// all names; containers reach each other across nodes.
    ///
    /// - Parameter apps: the number of replicas of each app; 0 for a deleted one.
    func isWhole(_ apps: [String: Int], _ when: String) async throws {
        for (app, replicas) in apps.sorted(by: { $0.key < $1.key }) { try await runs(app, replicas, when) }
        let names = apps.filter { $0.value > 0 }.keys.sorted()
        for app in names {
            try await resolves(app, when)
            try await connected(app, when)
        }
        var lists: [[[String]]] = []
        do {
            try await eventually("all nodes list the same", within: .seconds(240), every: .milliseconds(300)) {
                () -> Bool? in
                lists = []
                for node in nodes { lists.append(try await node.apps()) }
                return lists[0].map { $0[0] } == names && lists[0].allSatisfy { $0[2] == "running" }
                    && Set(lists).count == 1 ? true : nil
            }
        } catch {
            Issue.record("\(when): lists \(lists), expected \(names)")
            throw error
        }
        let addresses = try await addresses(of: names)
        #expect(Set(addresses.values).count == addresses.count, "\(when): an address twice: \(addresses)")
    }

    /// Creates and deletes an app of two replicas for each node, so that every host has the image, which stays. Returns the leftovers
    /// of all hosts.
    func warm(_ image: String) async throws -> [String] {
        try await haveRoutes()
        try await nodes[0].create("warm", image, replicas: 2 * nodes.count)
        let places = try await runs("warm", 2 * nodes.count)
        #expect(Set(places.map(\.node.name)).count == nodes.count, "\(places.map { ($0.id, $0.node.name) })")
        try await nodes[0].sctl("apps", "delete", "warm")
        try await runs("warm", 0)
        // The links of network namespaces disappear a moment after them.
        return try await eventually("the leftovers stay the same") {
            let first = try await leftovers()
            try await Task.sleep(for: .seconds(1))
            return try await leftovers() == first ? first : nil
        }
    }

    /// The leftovers of all hosts, with the routes from each to the others.
    func leftovers() async throws -> [String] {
        var all: [String] = []
        for node in nodes { all += try await node.leftovers().split(separator: "\n").map { "\(node.name): \($0)" } }
        return all
    }

    /// Waits until all hosts have the same leftovers as before.
    func isUnchanged(since before: [String], _ when: String = "") async throws {
        var now: [String] = []
        do {
            try await eventually("all hosts are as before", within: .seconds(240), every: .milliseconds(300)) {
                now = try await leftovers()
                return now == before ? true : nil
            }
        } catch {
            let (left, missing) = (Set(now).subtracting(before).sorted(), Set(before).subtracting(now).sorted())
            Issue.record("\(when): left behind: \(left); missing: \(missing)")
            throw error
        }
    }
}

/// An app with HTTP servers on port 8080.
func serverApp(_ name: String, _ image: String, replicas: Int) -> String {
    shellApp(name, image, "httpd -f -p 8080 -h /etc", #", "replicas": \#(replicas)"#)
}
