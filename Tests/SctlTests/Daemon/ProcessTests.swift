import StellarTestKit
import Testing

@testable import sctl

/// The built program, as scripts see it.
@Suite("The program", .timeLimit(.minutes(10)))
struct ProcessTests {
    private let program = BuiltProduct.path("sctl")

    @Test(
        "Exit codes and where the words go",
        arguments: [
            (["--version"], SctlExit.ok), ([], .ok), (["apps", "create"], .ok), (["version", "--client"], .ok),
            (["apps", "delete"], .failure), (["bogus"], .unknownCommand),
            (["apps", "create", "-f", "/nowhere"], .badAppFile),
            (["-a", "unix:///nowhere/s", "cluster", "nodes"], .unavailable),
        ]
    )
    func exitCodes(_ arguments: [String], _ status: SctlExit) async throws {
        let result = try await ChildProcess.run(program, arguments)
        #expect(result.status == status.rawValue)
        #expect(result.output.isEmpty == (status != .ok))
        #expect(result.errors.isEmpty == (status == .ok))
    }

    @Test("STELLAR_ADDR names the daemon, --addr wins")
    func environment() async throws {
        let environment = ["STELLAR_ADDR": "unix:///from-environment"]
        let first = try await ChildProcess.run(program, ["apps", "list"], environment: environment)
        #expect(first.errors.contains("/from-environment"))
        let second = try await ChildProcess.run(
            program,
            ["apps", "list", "-a", "unix:///from-flag"],
            environment: environment
        )
        #expect(second.errors.contains("/from-flag"))
    }
}
