import FoundationEssentials
import Glibc
import StellarTestKit

/// One node of a mixed cluster, of ours, of memberlist or of Serf: a process with a port of its own.
final class ClusterNode: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case ours
        case memberlist
        case serf
    }

    /// The options of all nodes of a cluster.
    struct Options: Sendable {
        var profile = "lan"
        var compresses = true
        /// The primary key first.
        var keys: [[UInt8]] = []
        /// For our nodes only: neither memberlist 0.2.2 nor its Serf knows labels.
        var label = ""
    }

    let kind: Kind
    let name: String
    let port: UInt16
    /// The port at which a Serf agent takes commands.
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
            // Serf exchanges state only with nodes of its own application version.
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

    /// The complete lines of its output so far.
    func output() throws -> [String] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: process.log)), as: UTF8.self)
        // The last line may be incomplete.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Waits until it prints a line with this beginning that contains a text.
    func says(_ beginning: String, containing text: String = "") async throws {
        try await eventually("\(name) says \(beginning) \(text)", every: .milliseconds(100)) {
            try output().contains { $0.hasPrefix(beginning) && $0.contains(text) } ? true : nil
        }
    }

    /// Runs a command and waits for the next line that begins like its output.
    @discardableResult
    func run(_ line: String, output beginning: String) async throws -> String {
        let before = try output().count
        process.write(line: line)
        return try await eventually("\(name) runs \(line)") {
            try output().dropFirst(before).first { $0.hasPrefix("\(beginning) ") }
        }
    }

    func join(_ other: ClusterNode) async throws {
        let target = "127.0.0.1:\(other.port)"
        try await eventually("\(name) joins \(other.name)", every: .milliseconds(500)) {
            if kind == .serf { return try await serf("join", target).status == 0 ? true : nil }
            let output = try await run("join \(target)", output: "joined")
            guard output.hasSuffix("<nil>") else { throw Refused(output: output) }
            return true
        }
    }

    struct Refused: Error {
        var output: String
    }

    /// The nodes that are alive or suspected in its view.
    func present() async throws -> Set<String> {
        if kind == .serf { return Set(try await serfMembers().filter { $0.status == "alive" }.map(\.name)) }
        let output = try await run("members", output: "members")
        return Set(output.dropFirst("members ".count).split(separator: ",").map(String.init))
    }

    /// The nodes that it ever reported dead; for a Serf agent, those that are failed now.
    func reportedDead() async throws -> Set<String> {
        switch kind {
        case .serf: Set(try await serfMembers().filter { $0.status == "failed" }.map(\.name))
        // memberlist reports dead and left nodes alike.
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

    /// Gives it new metadata, and returns when the command has.
    func describe(as text: String) async throws {
        if kind == .serf {
            try await eventually("\(name) has tags") {
                try await serf("tags", "-set", "role=\(text)").status == 0 ? true : nil
            }
        } else {
            try await run("meta \(text)", output: "updated")
        }
    }

    func leave() async throws {
        if kind == .serf {
            _ = try await serf("leave")
        } else {
            try await run("leave", output: "left")
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
        guard result.status == 0 else { throw Refused(output: result.output + result.errors) }
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

    /// Waits until another node is no longer alive or suspected in this node's view. A node that misses the leave
    /// message gets it with the next push/pull, or notices that the other does not answer.
    func sees(endOf other: ClusterNode) async throws {
        try await eventually("\(name) sees that \(other.name) has left or died", every: .milliseconds(300)) {
            try await present().contains(other.name) ? nil : true
        }
    }

    /// Waits until this node reports another one dead.
    func sees(death other: ClusterNode) async throws {
        try await eventually("\(name) notices the death of \(other.name)", every: .milliseconds(300)) {
            try await reportedDead().contains(other.name) ? true : nil
        }
    }
}
