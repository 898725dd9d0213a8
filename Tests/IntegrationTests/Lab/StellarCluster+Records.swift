import FoundationEssentials
import StellarTestKit
import Testing

/// Writes of the replicated store without containers: TXT records of people.
extension StellarCluster.Node {
    /// Writes a record, or deletes it if the value is nil. The write must be acknowledged.
    func write(_ name: String, _ value: String?) async throws {
        let result = try await request(name, value)
        guard result.status == 0 else { throw ChildProcess.Failure(command: [self.name, name], result: result) }
    }

    /// Writes a record, or deletes it if the value is nil. Returns whether the write was acknowledged.
    func tryToWrite(_ name: String, _ value: String?) async throws -> Bool {
        try await request(name, value).status == 0
    }

    private func request(_ name: String, _ value: String?) async throws -> ChildProcess.Result {
        let record = "\(name).fault.test"
        guard let value else { return try await run("nameserver", "delete", record, "--type", "TXT") }
        return try await run("nameserver", "create", record, value, "--type", "TXT")
    }

    /// The records on this node, by name.
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
    /// Waits until all nodes have the same records, and each name has one of its values; nil is no record. Returns the records.
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
                    Issue.record("\(when) \(name): \(found), expected \(values.map { $0 ?? "-" }.sorted())")
                }
            }
            throw error
        }
    }
}
