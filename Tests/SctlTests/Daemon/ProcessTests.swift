import Glibc
import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarTestKit
import SwiftProtobuf
import Testing

@testable import sctl

/// The built program, as scripts use it.
@Suite("The program", .timeLimit(.minutes(10)))
struct ProcessTests {
    private let program = BuiltProduct.path("sctl")

    @Test(
        "Exit codes, and the stream of each message",
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

    /// Runs a line of a shell in which `$0` is sctl.
    private func shell(_ line: String, _ shell: String = "bash") async throws -> ChildProcess.Result {
        try await ChildProcess.run(shell, ["-c", line, program])
    }

    @Test("A result that cannot be written is a failure", arguments: ["> /dev/full", ">&-"])
    func unwritable(_ redirection: String) async throws {
        let result = try await shell("\"$0\" version --client \(redirection)")
        #expect(result.status == SctlExit.failure.rawValue)
        #expect(result.errors.contains("the result cannot be written: "), "\(result.errors)")
    }

    @Test("A closed reader is no failure", arguments: ["--help", "completion bash"])
    func readerGone(_ arguments: String) async throws {
        let result = try await shell("\"$0\" \(arguments) | true; echo ${PIPESTATUS[0]}")
        #expect(result.output == "0\n")
        #expect(result.errors == "")
    }

    @Test("Without stdin, stdout and stderr the exit code shows the result")
    func nothingOpen() async throws {
        let result = try await shell("\"$0\" -a unix:///nowhere/s cluster nodes <&- >&- 2>&-")
        #expect(result.status == SctlExit.unavailable.rawValue)
    }

    @Test("Ctrl-C in the middle of a create explains what happens to it", arguments: [SIGINT, SIGTERM])
    func interrupted(_ signal: Int32) async throws {
        let file = #"{"name": "example", "services": [{"name": "web", "image": "docker.io/library/nginx:1"}]}"#
        try await ScriptedDaemon.with { daemon in
            [
                daemon.streaming(StellarMethods.Application.createStream, ApplicationCreateRequest.self) {
                    try await $0.send(
                        ApplicationCreateProgress.with {
                            $0.slot = "example.web.0"; $0.state = "pulling"
                        }
                    )
                    try await Task.sleep(for: .seconds(3600))
                }
            ]
        } _: { address, _ in
            try await TemporaryDirectory.with { directory in
                let path = "\(directory)/app.json"
                let log = "\(directory)/log"
                try TemporaryDirectory.write(file.utf8, to: path)
                let create = try BackgroundProcess(program, ["-a", address, "apps", "create", "-f", path], log: log)
                func said() throws -> String {
                    String(decoding: try FileBytes.read(log, limit: 1 << 20), as: UTF8.self)
                }
                _ = try await eventually("progress") { try said().contains("pulling") ? true : nil }
                create.signal(signal)
                let status = try await eventually("end of sctl") { create.status }
                #expect(status == 128 + signal)
                #expect(
                    try said().hasSuffix(
                        "no longer watching; the daemon goes on (see: sctl apps inspect, sctl apps delete)\n"
                    )
                )
            }
        }
    }
}
