import Subprocess
import SystemPackage

/// Programs of the test machine, run and never left behind.
public enum ChildProcess {
    /// What a program that ended left.
    public struct Result: Sendable, Hashable {
        /// The exit status, or 128 + the signal that ended it, as shells have it.
        public var status: Int32
        public var output: String
        public var errors: String
    }

    /// A program that did not end well.
    public struct Failure: Error, CustomStringConvertible {
        public var command: [String]
        public var result: Result

        public init(command: [String], result: Result) {
            self.command = command
            self.result = result
        }

        public var description: String {
            "\(command.joined(separator: " ")): status \(result.status)\n\(result.output)\n\(result.errors)"
        }
    }

    /// More output than this is an error: a test that needs more should stream.
    public static let outputLimitBytes = 8 << 20

    /// Runs a program to its end.
    /// - Parameters:
    ///   - program: a path, or a name to look up in `PATH`.
    ///   - environment: added to ours.
    public static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) async throws -> Result {
        let result = try await Subprocess.run(
            executable(program),
            arguments: Arguments(arguments),
            environment: merged(environment),
            output: .string(limit: outputLimitBytes),
            error: .string(limit: outputLimitBytes)
        )
        return Result(
            status: status(result.terminationStatus),
            output: result.standardOutput,
            errors: result.standardError
        )
    }

    /// Runs a program that must end with status 0, and returns its standard output.
    /// - Throws: ``Failure`` with all it printed.
    @discardableResult
    public static func check(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) async throws -> String {
        let result = try await run(program, arguments, environment: environment)
        guard result.status == 0 else { throw Failure(command: [program] + arguments, result: result) }
        return result.output
    }

    /// Runs a program beside `body`, and kills it when `body` leaves. Its output is thrown away, its errors go to ours; see
    /// ``BackgroundProcess`` for one whose output matters.
    public static func with<R: Sendable>(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        _ body: (Running) async throws -> R
    ) async throws -> R {
        let outcome = try await Subprocess.run(
            executable(program),
            arguments: Arguments(arguments),
            environment: merged(environment),
            input: .none,
            output: .discarded,
            error: .currentStandardError
        ) { execution in
            let running = Running(pid: execution.processIdentifier.value)
            do {
                let value = try await body(running)
                await execution.teardown(using: [])
                return value
            } catch {
                await execution.teardown(using: [])
                throw error
            }
        }
        return outcome.closureResult
    }

    /// A program that runs.
    public struct Running {
        public let pid: Int32
    }

    private static func executable(_ program: String) -> Executable {
        program.contains("/") ? .path(FilePath(program)) : .name(program)
    }

    private static func merged(_ environment: [String: String]) -> Environment {
        var updates: [Environment.Key: String?] = [:]
        for (name, value) in environment { updates[Environment.Key(stringLiteral: name)] = .some(value) }
        return .inherit.updating(updates)
    }

    private static func status(_ status: TerminationStatus) -> Int32 {
        switch status {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }
}
