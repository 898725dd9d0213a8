import FoundationEssentials
import StellarSystem

/// One execution of a plugin: its environment (CNI specification, section "Parameters") and its standard input.
struct CNIInvocation: Sendable, Hashable {
    var command: CNICommand
    var containerID: String
    /// The namespace's path; nil only where the specification allows it: DEL of a deleted namespace, VERSION.
    var namespace: String?
    var interface: String
    var pluginPaths: [String]
    /// The network configuration, JSON.
    var configuration: [UInt8]

    /// The plugin's whole environment. `PATH` is for plugins that run `iptables`.
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

/// A plugin's executable. It runs once per command, gets the configuration on standard input, and prints JSON.
struct CNIPlugin: Sendable, Hashable {
    /// Results are a few hundred bytes; more than this is a fault of the plugin.
    static let outputLimitBytes = 256 * 1024
    /// A plugin that has not ended by then hangs: `bridge` takes some 10 ms, and up to a few seconds where a host
    /// with thousands of firewall rules makes `iptables` wait for its lock.
    static let standardTimeout = Duration.seconds(20)
    /// How much of what a plugin printed goes into an error.
    private static let quotedBytes = 512

    var name: String
    var path: String
    var timeout = Self.standardTimeout

    /// Runs the plugin to its end and returns its standard output.
    ///
    /// After ``timeout``, or when the task is cancelled, it is killed, with an `iptables` that it may wait for.
    /// - Throws: ``NetworkError`` naming the plugin and the command, with the error it gave or what it printed.
    func run(_ invocation: CNIInvocation) async throws -> [UInt8] {
        let program = ProgramRun(
            path: path,
            environment: invocation.environment,
            input: invocation.configuration,
            outputLimit: Self.outputLimitBytes,
            timeLimit: timeout
        )
        let what = "CNI plugin \(name) (\(path)) \(invocation.command.rawValue) \(invocation.containerID)"
        switch try await program.outcome() {
        case .timedOut:
            throw NetworkError(
                .deadlineExceeded,
                "\(what): no answer within \(timeout), killed; if it is only slow, raise CNITimeout (--cni-timeout)"
            )
        case .failed(let reason):
            throw NetworkError(.unavailable, "\(what): \(reason); \(CNIPluginPaths.remedy(name))")
        case .ended(.exited(0), let output, _):
            return output
        case .ended(let end, let output, let errors):
            throw NetworkError(.internalError, "\(what): \(reason(end, output, errors))")
        }
    }

    /// The error for a plugin that exits with success and prints no result.
    func misbehaved(_ what: String, _ output: [UInt8]) -> NetworkError {
        let printed = Self.printed(output)
        let remedy = CNIPluginPaths.remedy(name)
        return NetworkError(.internalError, "CNI plugin \(name) (\(path)) \(what) but \(printed); \(remedy)")
    }

    /// Why a plugin failed: its error object, else what it printed.
    private func reason(_ end: ProgramRun.End, _ output: [UInt8], _ errors: [UInt8]) -> String {
        if let error = try? JSONDecoder().decode(CNIPluginError.self, from: Data(output)) {
            return error.description
        }
        let how =
            switch end {
            case .exited(let code): "exited with status \(code)"
            case .signalled(let signal): "was killed by signal \(signal)"
            }
        return "\(how) and \(Self.printed(output, errors)); \(CNIPluginPaths.remedy(name))"
    }

    /// What a plugin printed, shortened, with control characters replaced.
    private static func printed(_ output: [UInt8], _ errors: [UInt8] = []) -> String {
        let all = (output + errors).prefix(quotedBytes)
        guard !all.isEmpty else { return "printed nothing" }
        let text = String(decoding: all, as: UTF8.self)
        let visible = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }.joined()
        let cut = output.count + errors.count > quotedBytes ? "… (\(output.count + errors.count) bytes)" : ""
        return "printed \"\(visible)\"\(cut)"
    }
}
