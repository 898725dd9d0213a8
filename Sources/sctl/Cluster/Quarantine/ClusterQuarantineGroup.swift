import ArgumentParser
import StellarAPI
import SwiftProtobuf

struct ClusterQuarantineGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "List, accept or drop quarantined writes.",
        discussion: """
            A node that was disconnected for longer than deletes are remembered may bring back deleted values, and a clock \
            may be wrong by centuries. Nodes quarantine such writes: they have no effect until you decide. 'accept' writes \
            them again as new, 'drop' discards them.
            """,
        subcommands: [ClusterQuarantineList.self, ClusterQuarantineAccept.self, ClusterQuarantineDrop.self]
    )
}

/// Which writes.
struct QuarantinedArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("A KEY as 'list' has it, or an ID where there are several of that key.", valueName: "key")
    )
    var names: [String] = []

    func validate() throws {
        guard !names.isEmpty, !names.contains("") else { throw ValidationError("you must specify a key or an id") }
    }
}

extension Verb {
    /// - Parameter done: What the writes then are: `accepted`.
    func change(
        _ change: ClusterChangeQuarantineRequest.Change,
        _ writes: QuarantinedArgument,
        done: String
    ) async throws {
        let request = ClusterChangeQuarantineRequest.with {
            $0.change = change
            $0.writes = writes.names
        }
        let response = try await withClient { try await $0.cluster.changeQuarantine(request) }
        switch globals.output {
        case .table: for write in response.writes { console.print("\(write.key) \(done) (\(write.id))".singleLine) }
        case .json: console.print(response.jsonText())
        }
        try response.nodes.failUnlessAll("\(response.writes.map(\.key).joined(separator: ", ")) \(done)".singleLine)
    }
}
