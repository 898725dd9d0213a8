import FoundationEssentials
import StellarTestKit
import Testing

/// Writes of the replicated store that need no container: TXT records that people make.
extension StellarCluster.Node {
    /// Writes one, or deletes it where the value is nil; it must be acknowledged.
    func write(_ name: String, _ value: String?) async throws {
        let result = try await request(name, value)
        guard result.status == 0 else { throw ChildProcess.Failure(command: [self.name, name], result: result) }
    }

    /// The same, whatever comes of it: whether it is acknowledged.
    func tryToWrite(_ name: String, _ value: String?) async throws -> Bool {
        try await request(name, value).status == 0
    }

    private func request(_ name: String, _ value: String?) async throws -> ChildProcess.Result {
        let record = "\(name).fault.test"
        guard let value else { return try await run("nameserver", "delete", record, "--type", "TXT") }
        return try await run("nameserver", "create", record, value, "--type", "TXT")
    }

    /// What this node has of them, by name.
    func records() async throws -> [String: String] {
        struct Record: Decodable {
            var name: String
            var value: String
        }
        let text = try await sctl("nameserver", "list", "--type", "TXT", "--output", "json")
        let records = try JSONDecoder().decode([Record].self, from: Data(text.utf8))
        let ours = records.filter { $0.name.contains(".fault.test") }
        return Dictionary(
            ours.map { ($0.name.replacing(".fault.test.", with: "").replacing(".fault.test", with: ""), $0.value) },
            uniquingKeysWith: { $1 }
        )
    }
}

extension StellarCluster {
    /// Waits until all nodes have the same records, and these are as said: one of the values of each name, nil for none.
    /// Returns them.
    @discardableResult
    func agree(
        on wanted: [String: Set<String?>],
        among some: [Node]? = nil,
        _ when: String = ""
    ) async throws -> [String: String] {
        let nodes = some ?? nodes
        var seen: [[String: String]] = []
        do {
            return try await eventually("all agree", within: .seconds(240), every: .milliseconds(300)) {
                seen = []
                for node in nodes { seen.append(try await node.records()) }
                let fits = wanted.allSatisfy { name, values in values.contains(seen[0][name]) }
                return fits && seen.allSatisfy { $0 == seen[0] } ? seen[0] : nil
            }
        } catch {
            for (name, values) in wanted.sorted(by: { $0.key < $1.key }) {
                let found = seen.map { $0[name] ?? "-" }
                if Set(found).count > 1 || !values.contains(seen.first?[name]) {
                    Issue.record("\(when) \(name): \(found), wanted \(values.map { $0 ?? "-" }.sorted())")
                }
            }
            throw error
        }
    }
}
