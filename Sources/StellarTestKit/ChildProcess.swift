import Subprocess
import SystemPackage

/// Runs programs of the test machine to their end; none outlives its call.
public enum ChildProcess {
    /// The result of a program.
    public struct Result: Sendable, Hashable {
        /// The exit status, or 128 + the signal that ended it, as in a shell.
        public var status: Int32
        public var output: String
        public var errors: String
    }

    /// A program that failed.
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

    /// Limit of the output. A test that needs more must read it from a file.
    public static let outputLimitBytes = 8 << 20

    /// Runs a program to its end.
    /// - Parameters:
    ///   - program: a path, or a name to look up in `PATH`.
    ///   - environment: added to the environment of the test process.
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
    /// - Throws: ``Failure`` with its output and errors.
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

    /// Runs a program while `body` runs, and kills it afterwards. Discards its output, and passes its errors on; see
    /// ``BackgroundProcess`` for a program with output that matters.
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

    /// A running program.
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
