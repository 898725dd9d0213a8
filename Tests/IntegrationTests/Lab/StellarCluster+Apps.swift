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

    /// The address of a container of this node.
    func address(of container: String) async throws -> String {
        let told = try await exec(container, "ip", "-4", "-o", "address", "show", "dev", "eth0")
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

    /// `apps list`, without its heading: name, number of services, state.
    func apps() async throws -> [[String]] {
        try await sctl("apps", "list").split(separator: "\n").dropFirst().map {
            $0.split(separator: " ").map(String.init)
        }
    }
}

extension StellarCluster {
    /// Where the containers of `app.main` run, by their id; an id that runs at two places is there twice.
    func places(of app: String) async throws -> [(id: String, node: Node)] {
        var places: [(id: String, node: Node)] = []
        for node in nodes {
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

    /// The addresses of all that run, by id, each of which only one may have.
    func addresses(of apps: [String]) async throws -> [String: String] {
        var addresses: [String: String] = [:]
        for app in apps {
            for (id, node) in try await places(of: app) { addresses[id] = try await node.address(of: id) }
        }
        #expect(Set(addresses.values).count == addresses.count, "an address twice: \(addresses)")
        return addresses
    }

    /// Waits until all nodes answer for the names of an app with the addresses that its containers have.
    func answer(for app: String, _ when: String = "") async throws {
        let addresses = try await addresses(of: [app])
        var seen: [[String: Set<String>]] = []
        do {
            try await eventually("all answer for \(app)", within: .seconds(240), every: .milliseconds(500)) {
                () -> Bool? in
                seen = []
                for node in nodes {
                    var answers = ["": try await node.lookUp("\(app).main.stellar")]
                    for id in addresses.keys { answers[id] = try await node.lookUp("\(id).stellar") }
                    seen.append(answers)
                }
                return seen.allSatisfy { answers in
                    answers[""] == Set(addresses.values) && addresses.allSatisfy { answers[$0.key] == [$0.value] }
                } ? true : nil
            }
        } catch {
            Issue.record("\(when): answers \(seen), wanted \(addresses)")
            throw error
        }
    }

    /// Waits until each container of an app reaches each other one, wherever they are: HTTP on port 8080.
    func connected(_ app: String, _ when: String = "") async throws {
        let places = try await places(of: app)
        let addresses = try await addresses(of: [app])
        for (id, node) in places {
            for (other, address) in addresses where other != id {
                try await eventually("\(when): \(id) reaches \(other) at \(address)", within: .seconds(240)) {
                    // Debian's static busybox has a wget that crashes.
                    let ask = "printf 'GET /passwd HTTP/1.0\\r\\n\\r\\n' | nc -w 5 \(address) 8080"
                    return try await node.exec(id, "sh", "-c", ask).output.contains("root:") ? true : nil
                }
            }
        }
    }

    /// What every host could leave behind, and what the routes of each are.
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
