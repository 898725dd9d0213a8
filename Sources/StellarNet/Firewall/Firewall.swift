import StellarSystem

/// Reads and changes the host's firewall with `iptables-save` and `iptables-restore`.
///
/// It works with both kinds of iptables, on nftables and legacy: with those of the host's programs.
struct Firewall: Sendable {
    /// More than a host with ten thousand services prints.
    private static let outputLimitBytes = 16 << 20
    /// How long iptables waits for the lock of its legacy kind, which other programs hold for milliseconds.
    private static let lockSeconds = 5
    /// Enough to wait for the lock and read ten thousand rules.
    private static let timeLimit = Duration.seconds(20)
    /// Another program may change the tables between reading and changing: then a step fails, and no step is done.
    private static let attempts = 3

    var rules: NodeFirewall

    /// Adds the rules that are missing. Returns whether some were.
    @discardableResult
    func ensure() async throws -> Bool {
        try await apply { rules.change(from: $0) }
    }

    /// Removes the rules; missing ones are fine.
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
            throw NetworkError(.deadlineExceeded, "\(command): not finished within \(Self.timeLimit), killed")
        }
    }
}
