import FoundationEssentials
import Glibc
import StellarTestKit

/// A node of Debian's memberlist (0.2.2): `peer/main.go`, which prints the events of the library.
final class GoPeer: Sendable {
    let name: String
    let port: UInt16
    private let process: BackgroundProcess

    /// Its options; see `peer/main.go`.
    struct Options: Sendable {
        var profile = "local"
        /// The primary key first.
        var keys: [[UInt8]] = []
        var compresses = true
        var metadata = ""
        /// Version 1 pads the plaintext before encryption.
        var protocolVersion = 2
    }

    /// Starts one and waits until it listens.
    static func start(_ name: String, in folder: String, _ options: Options = Options()) async throws -> GoPeer {
        let peer = try GoPeer(name, program: try await program(), in: folder, options)
        try await eventually("\(name) listens") { try peer.output().contains("ready") ? true : nil }
        return peer
    }

    private init(_ name: String, program: String, in folder: String, _ options: Options) throws {
        self.name = name
        port = try LoopbackPort.free()
        var arguments = ["-name", name, "-bind", "127.0.0.1:\(port)", "-profile", options.profile]
        arguments += ["-protocol", "\(options.protocolVersion)", "-meta", options.metadata]
        if !options.compresses { arguments.append("-plain") }
        if !options.keys.isEmpty { arguments += ["-key", options.keys.map { Hex.encode($0) }.joined(separator: ",")] }
        process = try BackgroundProcess(program, arguments, log: "\(folder)/\(name).log", takesInput: true)
    }

    var pid: Int32 { process.pid }

    /// The complete lines of its output so far.
    func output() throws -> [String] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: process.log)), as: UTF8.self)
        // The last line may be incomplete.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    func command(_ line: String) {
        process.write(line: line)
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

    /// The nodes that are alive or suspected in its view.
    func members() async throws -> Set<String> {
        let output = try await run("members", output: "members")
        return Set(output.dropFirst("members ".count).split(separator: ",").map(String.init))
    }

    func kill() {
        process.kill()
    }
}

extension GoPeer {
    /// The program. It is built once, in the build folder, where the compiler's cache is, too.
    private static let built = Task<String, any Error> {
        let program = BuiltProduct.path("memberlist-peer")
        let source = #filePath.replacing("/Peers/GoPeer.swift", with: "/peer")
        // Another test process may be building or running it.
        let fresh = "\(program).\(getpid())"
        try await ChildProcess.check(
            "go",
            ["build", "-o", fresh, "\(source)/main.go"],
            environment: [
                "CGO_ENABLED": "0", "GO111MODULE": "off", "GOCACHE": BuiltProduct.path("go-cache"),
                "GOFLAGS": "", "GOPATH": "/usr/share/gocode",
            ]
        )
        guard rename(fresh, program) == 0 else {
            throw FileFailure(path: program, operation: "rename", number: errno)
        }
        return program
    }

    static func program() async throws -> String { try await built.value }
}
