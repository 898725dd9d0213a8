import ArgumentParser
import StellarAPI
import StellarCore

/// `--wait converged`, of the commands that write.
struct WaitOption: ParsableArguments {
    /// What can be waited for.
    enum Goal: String, ExpressibleByArgument, CaseIterable {
        case converged
    }

    @Option(
        name: .long,
        help: ArgumentHelp(
            "'converged': return when every live node has the write. Default: when the contacted node has it.",
            valueName: "goal"
        )
    )
    var wait: Goal?

    @Option(name: .long, help: ArgumentHelp("How long to wait at most.", valueName: "duration"))
    var waitLimit = "30s"

    func validate() throws { _ = try limit }

    var limit: Duration {
        get throws {
            guard let limit = GoDuration.parse(waitLimit), limit > .zero else {
                throw ValidationError("--wait-limit: \"\(waitLimit)\" is not a duration such as 30s")
            }
            return limit
        }
    }
}

extension Verb {
    /// Waits as the option says, and names the nodes that it waits for.
    ///
    /// - Throws: `Failure` where a live node does not have it in time. What was written stays, and gets there later.
    func wait(_ option: WaitOption) async throws {
        guard option.wait == .converged else { return }
        let limit = try option.limit
        let nodes = try await withClient(limit: limit + WaitOption.margin) { client in
            // Most often every node has it at once.
            let first = try await client.cluster.converge(within: min(limit, WaitOption.firstLook))
            let missing = first.filter(\.isMissing)
            guard !missing.isEmpty, limit > WaitOption.firstLook else { return first }
            console.note("waiting for \(missing.map(\.node).sorted().joined(separator: ", "))".singleLine)
            return try await client.cluster.converge(within: limit - WaitOption.firstLook)
        }
        for node in nodes where node.state == "dead" { console.note("\(node.node): \(node.reason)".singleLine) }
        let missing = nodes.filter(\.isMissing).sorted { $0.node < $1.node }
        guard missing.isEmpty else {
            throw Failure(
                missing.map { "\($0.node) does not have it yet: \($0.reason)" }
                    + ["the write is kept; these nodes receive it when they are reachable"],
                status: .unavailable
            )
        }
    }
}

extension WaitOption {
    fileprivate static let firstLook = Duration.seconds(2)
    /// Of a call, beyond what the daemon waits.
    fileprivate static let margin = Duration.seconds(15)
}

extension ClusterConvergence {
    /// It lives, and does not have it.
    fileprivate var isMissing: Bool { state == "behind" || state == "unreachable" }
}
