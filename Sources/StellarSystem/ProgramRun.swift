import CStellarLinux
import Subprocess
import SystemPackage

/// One run of another program, such as a CNI plugin, with input in memory, limited output and a time limit.
///
/// The program leads a process group of its own. After the time limit or a cancellation, the whole group is killed,
/// with all processes that the program started.
package struct ProgramRun: Sendable, Hashable {
    package var path: String
    package var arguments: [String]
    /// The whole environment of the program.
    package var environment: [String: String]
    /// Its standard input.
    package var input: [UInt8]
    /// The most bytes on standard output, and the most on standard error.
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

    /// The end of a program that was not killed by this run.
    package enum End: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// The result of a run.
    package enum Outcome: Sendable, Hashable {
        case ended(End, output: [UInt8], errors: [UInt8])
        /// It did not start, or printed too much. The text continues a sentence that begins with the program's name.
        case failed(String)
        /// The time limit passed, and it was killed.
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
            // On return the child is dead and reaped, so a clean-up by the caller comes after it.
            while await group.nextResult() != nil {}
            return first
        }
    }

    private func spawn() async throws -> Outcome {
        // A file in memory and not a pipe: a program that ignores its input blocks nothing.
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
