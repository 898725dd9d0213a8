import StellarSystem

/// Reads and changes the host's firewall with `iptables-save` and `iptables-restore`.
///
/// Both kinds of iptables are served, the one on nftables and the legacy one: whichever the host's programs are.
struct Firewall: Sendable {
    /// More than a host with ten thousand services prints.
    private static let outputLimitBytes = 16 << 20
    /// How long iptables waits for the lock of its legacy kind, which others hold for milliseconds.
    private static let lockSeconds = 5
    /// It has waited for its lock and read ten thousand rules by then.
    private static let timeLimit = Duration.seconds(20)
    /// Between reading and changing somebody else may have changed the tables: then a step fails, and none is done.
    private static let attempts = 3

    var rules: NodeFirewall

    /// Sees to it that the rules are there. Returns whether something was to be done.
    @discardableResult
    func ensure() async throws -> Bool {
        try await apply { rules.change(from: $0) }
    }

    /// Takes the rules away; none is fine.
    func remove() async throws {
        guard try await BlockingThreads.run({ HostPrograms.iptables() }) != nil else { return }
        try await apply { rules.removal(from: $0) }
    }

    @discardableResult
    private func apply(_ plan: (FirewallTables) -> String?) async throws -> Bool {
        var attempt = 1
        while true {
            let saved = try await run("-save", [], input: "")
            guard let change = plan(FirewallTables(saved)) else { return attempt > 1 }
            do {
                _ = try await run("-restore", ["--noflush", "--wait=\(Self.lockSeconds)"], input: change)
                return true
            } catch let error as NetworkError where attempt < Self.attempts && error.code == .internalError {
                attempt += 1
            }
        }
    }

    private func run(_ suffix: String, _ arguments: [String], input: String) async throws -> String {
        let program = try await BlockingThreads.run { try HostPrograms.requireIptables() + suffix }
        let command = ([program] + arguments).joined(separator: " ")
        let run = ProgramRun(
            path: program,
            arguments: arguments,
            environment: ["PATH": HostPrograms.searchPath],
            input: Array(input.utf8),
            outputLimit: Self.outputLimitBytes,
            timeLimit: Self.timeLimit
        )
        switch try await run.outcome() {
        case .ended(.exited(0), let output, _):
            return String(decoding: output, as: UTF8.self)
        case .ended(let end, _, let errors):
            let text = String(decoding: errors, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
            throw NetworkError(.internalError, "\(command) failed (\(end)): \(text)")
        case .failed(let reason):
            throw NetworkError(.internalError, "\(command) \(reason)")
        case .timedOut:
            throw NetworkError(.deadlineExceeded, "\(command): no answer within \(Self.timeLimit), killed")
        }
    }
}
