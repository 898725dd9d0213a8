import Glibc
import Testing

@testable import StellarSystem

@Suite(.timeLimit(.minutes(10)))
struct ProgramRunTests {
    private static func shell(_ script: String, input: String = "", timeLimit: Duration = .seconds(60)) -> ProgramRun {
        ProgramRun(
            path: "/bin/sh",
            arguments: ["-c", script],
            environment: ["PATH": "/usr/bin:/bin", "WORD": "set"],
            input: Array(input.utf8),
            outputLimit: 4096,
            timeLimit: timeLimit
        )
    }

    @Test func programGetsInputAndEnvironmentAndReturnsBothOutputs() async throws {
        let outcome = try await Self.shell("cat; echo $WORD; echo wrong >&2; exit 3", input: "in ").outcome()
        #expect(outcome == .ended(.exited(3), output: Array("in set\n".utf8), errors: Array("wrong\n".utf8)))
    }

    @Test func signalIsReported() async throws {
        let outcome = try await Self.shell("kill -TERM $$").outcome()
        #expect(outcome == .ended(.signalled(SIGTERM), output: [], errors: []))
    }

    @Test func unreadInputBlocksNothing() async throws {
        let outcome = try await Self.shell("exit 0", input: String(repeating: "x", count: 1 << 20)).outcome()
        #expect(outcome == .ended(.exited(0), output: [], errors: []))
    }

    @Test func missingProgramAndLongOutputFail() async throws {
        var run = Self.shell("while :; do echo much; done")
        #expect(try await run.outcome() == .failed("printed more than 4096 bytes"))
        run.path = "/nonexistent/program"
        guard case .failed(let reason) = try await run.outcome() else {
            Issue.record("it cannot have run")
            return
        }
        #expect(reason.hasPrefix("could not be run: "))
    }

    /// The tests of `CNIPlugin` also look at what is left of its children.
    @Test func hangingProgramIsKilled() async throws {
        let run = Self.shell("trap '' TERM; sleep 1000 & wait", timeLimit: .milliseconds(500))
        #expect(try await run.outcome() == .timedOut)
    }

    @Test func cancellationEndsTheProgram() async throws {
        let task = Task { try await Self.shell("sleep 1000").outcome() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
