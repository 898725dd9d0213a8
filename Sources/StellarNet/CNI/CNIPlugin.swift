import CStellarLinux
import FoundationEssentials
import Subprocess
import SystemPackage

/// One execution of a plugin: its environment (CNI specification, section "Parameters") and its standard input.
struct CNIInvocation: Sendable, Hashable {
    var command: CNICommand
    var containerID: String
    /// The namespace's path; nil only where the specification allows it: DEL of a namespace that is gone, VERSION.
    var namespace: String?
    var interface: String
    var pluginPaths: [String]
    /// The network configuration, JSON.
    var configuration: [UInt8]

    /// Everything the plugin sees. `PATH` is there for plugins that run `iptables`.
    var environment: [String: String] {
        var variables = [
            "CNI_COMMAND": command.rawValue,
            "CNI_PATH": pluginPaths.joined(separator: ":"),
            "PATH": HostPrograms.searchPath,
        ]
        guard command != .version else { return variables }
        variables["CNI_CONTAINERID"] = containerID
        variables["CNI_IFNAME"] = interface
        variables["CNI_NETNS"] = namespace ?? ""
        return variables
    }
}

/// A plugin's executable. It is run once per command, gets the configuration on standard input and answers in JSON.
struct CNIPlugin: Sendable, Hashable {
    /// Results are a few hundred bytes; a plugin that prints more than this has lost its mind.
    static let outputLimitBytes = 256 * 1024
    /// A plugin that has not answered by then hangs: `bridge` takes some 10 ms, and up to a few seconds where a host
    /// with thousands of firewall rules makes `iptables` wait for its lock.
    static let standardTimeout = Duration.seconds(20)
    /// How much of what a plugin printed goes into an error.
    private static let quotedBytes = 512

    var name: String
    var path: String
    var timeout = Self.standardTimeout

    /// Runs the plugin to its end and returns its standard output.
    ///
    /// The plugin leads a process group of its own; after ``timeout``, or when the task is cancelled, the group is killed,
    /// so that an `iptables` it waits for goes too.
    /// - Throws: ``NetworkError`` naming the plugin and the command, with the error it gave or what it printed.
    func run(_ invocation: CNIInvocation) async throws -> [UInt8] {
        let outcome = try await finish(invocation)
        let what = "CNI plugin \(name) (\(path)) \(invocation.command.rawValue) \(invocation.containerID)"
        switch outcome {
        case .timedOut:
            throw NetworkError(
                .deadlineExceeded,
                "\(what): no answer within \(timeout), killed; where it only is slow, raise CNITimeout (--cni-timeout)"
            )
        case .failed(let reason):
            throw NetworkError(.unavailable, "\(what): \(reason); \(CNIPluginPaths.remedy(name))")
        case .ended(let status, let output, let errors):
            if case .exited(0) = status { return output }
            throw NetworkError(.internalError, "\(what): \(reason(status, output, errors))")
        }
    }

    /// The error for a plugin that says it succeeded and does not answer as one.
    func misbehaved(_ what: String, _ output: [UInt8]) -> NetworkError {
        let printed = Self.printed(output)
        let remedy = CNIPluginPaths.remedy(name)
        return NetworkError(.internalError, "CNI plugin \(name) (\(path)) \(what) but \(printed); \(remedy)")
    }

    private enum Outcome: Sendable {
        case ended(TerminationStatus, output: [UInt8], errors: [UInt8])
        case failed(String)
        case timedOut
    }

    private func finish(_ invocation: CNIInvocation) async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask { try await spawn(invocation) }
            group.addTask {
                try await Task.sleep(for: timeout)
                return .timedOut
            }
            guard let first = try await group.next() else { return .failed("not started") }
            group.cancelAll()
            // The child is dead and waited for before this returns: whatever cleans up after it comes after it.
            while let next = await group.nextResult() {
                if case .success(let outcome) = next, case .ended = outcome, case .timedOut = first { break }
            }
            return first
        }
    }

    private func spawn(_ invocation: CNIInvocation) async throws -> Outcome {
        let input = CStellar_memory_file(invocation.configuration, invocation.configuration.count)
        guard input >= 0 else { throw SystemCallError(-input, "make the input of CNI plugin \(name)").networkError }
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        let environment = invocation.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(path)),
                environment: .custom(Dictionary(uniqueKeysWithValues: environment)),
                platformOptions: options,
                input: .fileDescriptor(FileDescriptor(rawValue: input), closeAfterSpawningProcess: true),
                output: .bytes(limit: Self.outputLimitBytes),
                error: .bytes(limit: Self.outputLimitBytes)
            )
            return .ended(result.terminationStatus, output: result.standardOutput, errors: result.standardError)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            if error.code == .outputLimitExceeded {
                return .failed("printed more than \(Self.outputLimitBytes) bytes")
            }
            return .failed("could not be run: \(error)")
        }
    }

    /// Why a plugin says it failed: its error object, else what it printed.
    private func reason(_ status: TerminationStatus, _ output: [UInt8], _ errors: [UInt8]) -> String {
        if let error = try? JSONDecoder().decode(CNIPluginError.self, from: Data(output)) {
            return error.description
        }
        let how =
            switch status {
            case .exited(let code): "exited with status \(code)"
            case .signaled(let signal): "was killed by signal \(signal)"
            }
        return "\(how) and \(Self.printed(output, errors)); \(CNIPluginPaths.remedy(name))"
    }

    /// What a plugin printed, shortened, control characters made visible.
    private static func printed(_ output: [UInt8], _ errors: [UInt8] = []) -> String {
        let all = (output + errors).prefix(quotedBytes)
        guard !all.isEmpty else { return "printed nothing" }
        let text = String(decoding: all, as: UTF8.self)
        let visible = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }.joined()
        let cut = output.count + errors.count > quotedBytes ? "… (\(output.count + errors.count) bytes)" : ""
        return "printed \"\(visible)\"\(cut)"
    }
}
