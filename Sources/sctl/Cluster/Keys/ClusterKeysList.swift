import ArgumentParser
import StellarAPI

struct ClusterKeysList: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the keys by their fingerprints, with the nodes that have and that use them.",
        usage: "sctl [global options] cluster keys list"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let response = try await withClient { try await $0.cluster.keys() }
        switch globals.output {
        case .table: console.writeOut(Self.table(response))
        case .json: console.print(response.jsonText())
        }
        for complaint in response.nodes.complaints { console.note(complaint.singleLine) }
        if response.keys.isEmpty, response.nodes.complaints.isEmpty {
            console.note("gossip is not encrypted: start every node with --gossip-key")
        }
    }

    static func table(_ response: ClusterKeysResponse) -> String {
        let all = response.nodes.done
        var table = Table("KEY", "CIPHER", "NODES", "PRIMARY ON")
        for key in response.keys {
            table.add(
                key.fingerprint,
                "AES-\(8 * UInt64(key.size))",
                share(key.nodes, of: all),
                key.primaryOn.isEmpty ? "" : share(key.primaryOn, of: all)
            )
        }
        return table.text
    }

    /// `3 of 3`; `2 of 3 (not ctr-02)`.
    private static func share(_ some: [String], of all: [String]) -> String {
        let missing = Set(all).subtracting(some).sorted()
        let names = missing.isEmpty ? "" : " (not \(missing.joined(separator: ", ")))"
        return "\(all.count - missing.count) of \(all.count)\(names)"
    }
}
