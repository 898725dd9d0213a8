import ArgumentParser
import StellarAPI
import SwiftProtobuf

struct ClusterQuarantineGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "Writes that are kept aside, as nobody can tell whether they should count.",
        discussion: """
            A node that was away for longer than deletes are remembered may bring back what was deleted meanwhile, and a \
            clock may be wrong by centuries. Such writes count for nothing until somebody says what is to become of them: \
            'accept' has them written anew, 'drop' gives them up.
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
