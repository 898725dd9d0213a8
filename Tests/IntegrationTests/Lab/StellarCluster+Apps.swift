import FoundationEssentials
import StellarTestKit
import Testing

/// What runs, as containerd and the kernel have it, and not as a daemon says.
extension StellarCluster.Node {
    /// The containers of this node whose process runs.
    func running() async throws -> [String] {
        try await ctr("tasks", "ls").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count == 3 && words[2] == "RUNNING" ? String(words[0]) : nil
        }
    }

    /// The address of a container of this node, as its network namespace has it.
    func address(of container: String) async throws -> String {
        let namespace = "--net=\(stateDirectory)/ns/\(container)/net"
        let command = [namespace, "ip", "-4", "-o", "address", "show", "dev", "eth0"]
        let told = try await ChildProcess.run("nsenter", command)
        let words = told.output.split(separator: " ")
        guard let index = words.firstIndex(of: "inet") else {
            throw ChildProcess.Failure(command: ["address", container], result: told)
        }
        return String(words[index + 1].prefix { $0 != "/" })
    }

    /// What this node's nameserver says to those who ask it.
    func lookUp(_ name: String) async throws -> Set<String> {
        guard let gateway = try await gateway() else { return [] }
        let server = gateway.prefix { $0 != "/" }
        let answer = try await inside("dig", "+short", "+time=5", "@\(server)", name)
        guard answer.status == 0 else { return [] }
        return Set(answer.output.split(separator: "\n").map(String.init))
    }

    /// Creates an app whose containers answer HTTP; all that can run now does when it returns.
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
    /// Where the containers of `app.main` run, by their id; an id that runs at two places is there twice.
    func places(of app: String, among some: [Node]? = nil) async throws -> [(id: String, node: Node)] {
        var places: [(id: String, node: Node)] = []
        for node in some ?? nodes {
            for id in try await node.running() where id.hasPrefix("\(app).main.") { places.append((id, node)) }
        }
        return places.sorted { $0.id < $1.id }
    }

    /// Waits until each replica of `app.main` runs exactly once, and no other does. Returns where.
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
            Issue.record("\(when) \(app): runs \(found), wanted \(wanted)")
            throw error
        }
    }

    /// The addresses of all that run, by id.
    func addresses(of apps: [String], among some: [Node]? = nil) async throws -> [String: String] {
        var addresses: [String: String] = [:]
        for app in apps {
            for (id, node) in try await places(of: app, among: some) { addresses[id] = try await node.address(of: id) }
        }
        return addresses
    }

    /// Waits until nodes answer for the names of an app with the addresses that its containers have, each an own one.
    ///
    /// - Parameter some: Who is there: they are asked, and their containers count.
    func answer(for app: String, among some: [Node]? = nil, _ when: String = "") async throws {
        var addresses: [String: String] = [:]
        var seen: [[String: Set<String>]] = []
        do {
            try await eventually("all answer for \(app)", within: .seconds(240), every: .milliseconds(500)) {
                () -> Bool? in
                addresses = try await self.addresses(of: [app], among: some)
                seen = []
                for node in some ?? nodes {
                    var answers = ["": try await node.lookUp("\(app).main.stellar")]
                    for id in addresses.keys { answers[id] = try await node.lookUp("\(id).stellar") }
                    seen.append(answers)
                }
                return Set(addresses.values).count == addresses.count
                    && seen.allSatisfy { answers in
                        answers[""] == Set(addresses.values) && addresses.allSatisfy { answers[$0.key] == [$0.value] }
                    } ? true : nil
            }
        } catch {
            Issue.record("\(when): answers \(seen), wanted \(addresses)")
            throw error
        }
    }

    /// Waits until each container of an app reaches each other one, wherever they are: HTTP on port 8080.
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

    /// Waits until the cluster is one about these apps, with nobody's help: each replica runs once, under an address that no
    /// other has; all nodes list the same and answer for all names; containers reach each other across nodes.
    ///
    /// - Parameter apps: The replicas of each; 0 where it is gone.
    func isWhole(_ apps: [String: Int], _ when: String) async throws {
        for (app, replicas) in apps.sorted(by: { $0.key < $1.key }) { try await runs(app, replicas, when) }
        let names = apps.filter { $0.value > 0 }.keys.sorted()
        for app in names {
            try await answer(for: app, when)
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
            Issue.record("\(when): lists \(lists), wanted \(names)")
            throw error
        }
        let addresses = try await addresses(of: names)
        #expect(Set(addresses.values).count == addresses.count, "\(when): an address twice: \(addresses)")
    }

    /// Has an app of two replicas for each node run and go once: what a first create makes for good on every host is the
    /// image. Returns what every host could leave behind then.
    func warm(_ image: String) async throws -> [String] {
        try await haveWays()
        try await nodes[0].create("warm", image, replicas: 2 * nodes.count)
        let places = try await runs("warm", 2 * nodes.count)
        #expect(Set(places.map(\.node.name)).count == nodes.count, "\(places.map { ($0.id, $0.node.name) })")
        try await nodes[0].sctl("apps", "delete", "warm")
        try await runs("warm", 0)
        // The links of network namespaces go a moment after them.
        return try await eventually("nothing changes any more") {
            let first = try await leftovers()
            try await Task.sleep(for: .seconds(1))
            return try await leftovers() == first ? first : nil
        }
    }

    /// What every host could leave behind, and the ways from each to the others.
    func leftovers() async throws -> [String] {
        var all: [String] = []
        for node in nodes { all += try await node.leftovers().split(separator: "\n").map { "\(node.name): \($0)" } }
        return all
    }

    /// Waits until all hosts are as they were.
    func settles(to before: [String], _ when: String = "") async throws {
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

/// An app whose containers answer HTTP on port 8080.
func serverApp(_ name: String, _ image: String, replicas: Int) -> String {
    shellApp(name, image, "httpd -f -p 8080 -h /etc", #", "replicas": \#(replicas)"#)
}
