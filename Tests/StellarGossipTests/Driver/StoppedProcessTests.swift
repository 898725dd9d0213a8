import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// Real processes, one of which is stopped for a while (SIGSTOP), as by a suspend.
struct StoppedProcessTests {
    /// A `gossip-node` and its output.
    private struct Program {
        let process: BackgroundProcess
        private let input: CInt

        /// It ends when its input ends.
        init(_ name: String, port: UInt16, join: UInt16, folder: String) throws {
            let pipe = "\(folder)/\(name).in"
            try #require(mkfifo(pipe, 0o600) == 0)
            // Opened for reading and writing, so that the call does not block.
            input = open(pipe, O_RDWR | O_CLOEXEC)
            try #require(input >= 0)
            let arguments = [
                "-c", "exec \"$0\" \"$@\" < \"$INPUT\"", BuiltProduct.path("gossip-node"), name, "127.0.0.1:\(port)",
                "--join", "127.0.0.1:\(join)",
            ]
            process = try BackgroundProcess("sh", arguments, log: "\(folder)/\(name).log", environment: ["INPUT": pipe])
        }

        func end() {
            process.kill()
            close(input)
        }

        var lines: [String] {
            let bytes = FileManager.default.contents(atPath: process.log) ?? Data()
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { String($0) }
        }

        func says(_ beginning: String, times: Int = 1) async throws {
            try await eventually("\(process.log) says \(beginning)") {
                lines.count { $0.hasPrefix(beginning) } >= times ? true : nil
            }
        }
    }

    @Test func resumedNodeComesBackAndSuspectsNobody() async throws {
        try await TemporaryDirectory.with { folder in
            let ports = try (0..<4).map { _ in try LoopbackPort.free() }
            let programs = try ports.enumerated().map { index, port in
                try Program("n\(index)", port: port, join: ports[0], folder: folder)
            }
            defer { for program in programs { program.end() } }
            for (index, program) in programs.enumerated() {
                for other in programs.indices where other != index { try await program.says("join n\(other) ") }
            }
            programs[3].process.signal(SIGSTOP)
            for program in programs[..<3] { try await program.says("fail n3 ") }
            programs[3].process.signal(SIGCONT)
            try await programs[3].says("resumed ")
            for program in programs[..<3] { try await program.says("join n3 ", times: 2) }
            #expect(!programs[3].lines.contains { $0.hasPrefix("fail ") }, "\(programs[3].lines)")
            for program in programs[..<3] {
                #expect(program.lines.allSatisfy { !$0.hasPrefix("fail ") || $0.hasPrefix("fail n3 ") })
            }
        }
    }
}
