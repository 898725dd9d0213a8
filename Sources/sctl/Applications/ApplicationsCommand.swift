import ArgumentParser
import StellarAPI
import StellarRPC

/// What the commands that change apps have in common.
struct DryRunOption: ParsableArguments {
    @Flag(name: .long, help: "Print what would be made, changed and removed, and where; change nothing.")
    var dryRun = false
}

extension Verb {
    /// Runs a command that reports progress, and shows it. Where a service does not run, what it said last is printed,
    /// too.
    func follow(
        _ mode: ProgressReporter.Mode,
        _ command:
            @escaping @Sendable (
                StellarClient, @escaping @Sendable (ApplicationCreateProgress) async throws -> Void
            ) async throws -> Void
    ) async throws {
        let reporter = ProgressReporter(console: console, mode: mode)
        do {
            try await withClient(limit: nil) { client in
                try await reporter.run(outlivesUs: true) {
                    try await command(client) { reporter.report(ProgressEvent($0)) }
                }
            }
        } catch let error as RPCError where !reporter.model.failed.isEmpty {
            reporter.printLogs()
            throw Failure(error, status: .notRunning)
        }
    }

    func showPlan(_ request: ApplicationPlanRequest) async throws {
        let steps = try await withClient { try await $0.application.plan(request) }
        switch globals.output {
        case .table: console.writeOut(PlanTable.text(steps))
        case .json: console.print(steps.jsonText)
        }
    }
}

/// The table of `--dry-run`.
enum PlanTable {
    static func text(_ steps: [ApplicationPlanStep]) -> String {
        var table = Table("SLOT", "NODE", "ACTION", "NOTE")
        for step in steps.sorted(by: { ReplicaName($0.slot) < ReplicaName($1.slot) }) {
            table.add(step.slot, step.node, step.action, step.note)
        }
        return table.text
    }
}

extension Console {
    /// What a command leaves to be done later, or could not do.
    func noteWaiting(_ progress: ApplicationCreateProgress) {
        guard !progress.message.isEmpty else { return }
        note((progress.slot.isEmpty ? progress.message : "\(progress.slot): \(progress.message)").singleLine)
    }
}
