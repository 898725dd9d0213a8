import CStellarLinux
import Subprocess
import SystemPackage

/// One run of another program, such as a CNI plugin: input in memory, output kept below a limit, an end in bounded time.
///
/// The program leads a process group of its own; when the time is up, or the task is cancelled, the group is killed, so
/// that what it started goes with it.
package struct ProgramRun: Sendable, Hashable {
    package var path: String
    package var arguments: [String]
    /// All of the program's environment.
    package var environment: [String: String]
    /// What it reads from standard input.
    package var input: [UInt8]
    /// Bytes that it may print, on standard output and on standard error each.
    package var outputLimit: Int
    package var timeLimit: Duration

    package init(
        path: String,
        arguments: [String] = [],
        environment: [String: String],
        input: [UInt8],
        outputLimit: Int,
        timeLimit: Duration
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.input = input
        self.outputLimit = outputLimit
        self.timeLimit = timeLimit
    }

    /// How a program ended by itself.
    package enum End: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// What became of the run.
    package enum Outcome: Sendable, Hashable {
        case ended(End, output: [UInt8], errors: [UInt8])
        /// It did not start, or said too much: a clause to be put behind the program's name.
        case failed(String)
        /// It was killed.
        case timedOut
    }

    /// Runs the program.
    ///
    /// - Throws: CancellationError.
    package func outcome() async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask { try await spawn() }
            group.addTask {
                try await Task.sleep(for: timeLimit)
                return .timedOut
            }
            guard let first = try await group.next() else { return .failed("was not started") }
            group.cancelAll()
            // The child is dead and waited for before this returns: whatever cleans up after it comes after it.
            while await group.nextResult() != nil {}
            return first
        }
    }

    private func spawn() async throws -> Outcome {
        // A file in memory, and not a pipe: a program that does not read it holds up nothing.
        let descriptor = CStellar_memory_file(input, input.count)
        guard descriptor >= 0 else { return .failed("could not be run: no memory for its input") }
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        let variables = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(path)),
                arguments: Arguments(arguments),
                environment: .custom(Dictionary(uniqueKeysWithValues: variables)),
                platformOptions: options,
                input: .fileDescriptor(FileDescriptor(rawValue: descriptor), closeAfterSpawningProcess: true),
                output: .bytes(limit: outputLimit),
                error: .bytes(limit: outputLimit)
            )
            let end: End =
                switch result.terminationStatus {
                case .exited(let status): .exited(status)
                case .signaled(let signal): .signalled(signal)
                }
            return .ended(end, output: result.standardOutput, errors: result.standardError)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            if error.code == .outputLimitExceeded { return .failed("printed more than \(outputLimit) bytes") }
            return .failed("could not be run: \(error)")
        }
    }
}
