import FoundationEssentials
import Glibc
import StellarTestKit

/// One node of a mixed cluster: ours, one of memberlist or one of Serf, each a process with a port of its own.
final class ClusterNode: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case ours
        case memberlist
        case serf
    }

    /// How a whole cluster speaks.
    struct Options: Sendable {
        var profile = "lan"
        var compresses = true
        /// The primary one first.
        var keys: [[UInt8]] = []
        /// Of our nodes alone: neither memberlist 0.2.2 nor its Serf knows labels.
        var label = ""
    }

    let kind: Kind
    let name: String
    let port: UInt16
    /// Where a Serf agent takes commands.
    private let commandPort: UInt16
    let process: BackgroundProcess

    /// Starts one and waits until it listens.
    static func start(_ kind: Kind, _ name: String, in folder: String, _ options: Options) async throws -> ClusterNode {
        let program =
            switch kind {
            case .ours: BuiltProduct.path("gossip-node")
            case .memberlist: try await GoPeer.program()
            case .serf: "serf"
            }
        let node = try ClusterNode(kind, name, program: program, in: folder, options)
        try await eventually("\(name) listens") {
            if kind != .serf { return try node.output().contains("ready") ? true : nil }
            return try await !node.present().isEmpty
        }
        return node
    }

    private init(_ kind: Kind, _ name: String, program: String, in folder: String, _ options: Options) throws {
        self.kind = kind
        self.name = name
        port = try LoopbackPort.free()
        commandPort = kind == .serf ? try LoopbackPort.free() : 0
        let place = "127.0.0.1:\(port)"
        var arguments: [String]
        switch kind {
        case .ours:
            // Serf takes part only with those whose application's version is its own.
            arguments = [name, place, "--preset", options.profile, "--application", "2,5,4"]
            if !options.compresses { arguments.append("--plain") }
            arguments += options.keys.flatMap { ["--key", Hex.encode($0)] }
            if !options.label.isEmpty { arguments += ["--label", options.label] }
        case .memberlist:
            arguments = ["-name", name, "-bind", place, "-profile", options.profile, "-application", "2,5,4"]
            if !options.compresses { arguments.append("-plain") }
            if !options.keys.isEmpty {
                arguments += ["-key", options.keys.map { Hex.encode($0) }.joined(separator: ",")]
            }
        case .serf:
            arguments = ["agent", "-node", name, "-bind", place, "-profile", options.profile]
            arguments += ["-rpc-addr", "127.0.0.1:\(commandPort)"]
            if let key = options.keys.first { arguments += ["-encrypt", Data(key).base64EncodedString()] }
            if !options.compresses { arguments.append("-disable-compression") }
        }
        process = try BackgroundProcess(program, arguments, log: "\(folder)/\(name).log", takesInput: kind != .serf)
    }

    /// What it said so far, line by line.
    func output() throws -> [String] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: process.log)), as: UTF8.self)
        // The last one may still be on its way.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Waits until it says a line that begins so, and contains this.
    func says(_ beginning: String, containing text: String = "") async throws {
        try await eventually("\(name) says \(beginning) \(text)", every: .milliseconds(100)) {
            try output().contains { $0.hasPrefix(beginning) && $0.contains(text) } ? true : nil
        }
    }

    /// Gives a command and waits for the next line that begins like its answer.
    @discardableResult
    func ask(_ line: String, answer: String) async throws -> String {
        let before = try output().count
        process.write(line: line)
        return try await eventually("\(name) answers \(line)") {
            try output().dropFirst(before).first { $0.hasPrefix("\(answer) ") }
        }
    }

    func join(_ other: ClusterNode) async throws {
        let target = "127.0.0.1:\(other.port)"
        try await eventually("\(name) joins \(other.name)", every: .milliseconds(500)) {
            if kind == .serf { return try await serf("join", target).status == 0 ? true : nil }
            let answer = try await ask("join \(target)", answer: "joined")
            guard answer.hasSuffix("<nil>") else { throw Refused(answer: answer) }
            return true
        }
    }

    struct Refused: Error {
        var answer: String
    }

    /// Whom it holds for alive, or only suspects.
    func present() async throws -> Set<String> {
        if kind == .serf { return Set(try await serfMembers().filter { $0.status == "alive" }.map(\.name)) }
        let answer = try await ask("members", answer: "members")
        return Set(answer.dropFirst("members ".count).split(separator: ",").map(String.init))
    }

    /// Whom it ever called dead; a Serf agent those who are now.
    func blamed() async throws -> Set<String> {
        switch kind {
        case .serf: Set(try await serfMembers().filter { $0.status == "failed" }.map(\.name))
        // memberlist says the same of the dead and the gone.
        case .memberlist: names(in: try output(), after: "leave ")
        case .ours: names(in: try output(), after: "fail ")
        }
    }

    private func names(in lines: [String], after word: String) -> Set<String> {
        Set(
            lines.filter { $0.hasPrefix(word) }.compactMap {
                $0.split(separator: " ").dropFirst().first.map(String.init)
            }
        )
    }

    /// Gives it new metadata, and returns when it told the first of them.
    func describe(as text: String) async throws {
        if kind == .serf {
            try await eventually("\(name) has tags") {
                try await serf("tags", "-set", "role=\(text)").status == 0 ? true : nil
            }
        } else {
            try await ask("meta \(text)", answer: "updated")
        }
    }

    func leave() async throws {
        if kind == .serf {
            _ = try await serf("leave")
        } else {
            try await ask("leave", answer: "left")
        }
    }

    func kill() {
        process.kill()
    }
}

// MARK: Serf

extension ClusterNode {
    struct SerfMember: Decodable {
        var name: String
        var status: String
        var tags: [String: String]
    }

    private struct SerfMembers: Decodable {
        var members: [SerfMember]
    }

    func serfMembers() async throws -> [SerfMember] {
        let result = try await serf("members", "-format", "json")
        guard result.status == 0 else { throw Refused(answer: result.output + result.errors) }
        return try JSONDecoder().decode(SerfMembers.self, from: Data(result.output.utf8)).members
    }

    private func serf(_ command: String, _ arguments: String...) async throws -> ChildProcess.Result {
        try await ChildProcess.run("serf", [command, "-rpc-addr", "127.0.0.1:\(commandPort)"] + arguments)
    }

    /// Waits until this node sees the metadata of another.
    func sees(_ other: ClusterNode, describedAs text: String) async throws {
        if kind != .serf { return try await says("update \(other.name) ", containing: text) }
        try await eventually("\(name) sees that \(other.name) is \(text)", every: .milliseconds(300)) {
            try await serfMembers().first { $0.name == other.name }?.tags["role"] == text ? true : nil
        }
    }

    /// Waits until this node does not hold another for present any more. News do not reach everybody: who misses a farewell
    /// is told at the next push/pull, or notices that nobody answers.
    func sees(absence other: ClusterNode) async throws {
        try await eventually("\(name) sees that \(other.name) is gone", every: .milliseconds(300)) {
            try await present().contains(other.name) ? nil : true
        }
    }

    /// Waits until this node says that another is dead.
    func sees(death other: ClusterNode) async throws {
        try await eventually("\(name) notices the death of \(other.name)", every: .milliseconds(300)) {
            try await blamed().contains(other.name) ? true : nil
        }
    }
}
