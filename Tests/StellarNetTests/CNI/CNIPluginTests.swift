import Glibc
import StellarTestKit
import Testing

@testable import StellarNet

/// A plugin made of shell lines.
private func plugin(
    _ script: String,
    in directory: String,
    name: String = "fake",
    timeout: Duration = .seconds(120)
) throws -> CNIPlugin {
    let path = "\(directory)/\(name)"
    try TemporaryDirectory.write("#!/bin/sh\n\(script)\n".utf8, to: path)
    chmod(path, 0o755)
    return CNIPlugin(name: name, path: path, timeout: timeout)
}

private func invocation(_ command: CNICommand = .add, input: [UInt8] = Array("{}".utf8)) -> CNIInvocation {
    CNIInvocation(
        command: command,
        containerID: "demo.web.0",
        namespace: "/nowhere",
        interface: "eth0",
        pluginPaths: ["/a", "/b"],
        configuration: input
    )
}

/// Plugins that misbehave: each ends in time, and the error names it.
@Suite(.timeLimit(.minutes(10))) struct CNIPluginTests {
    @Test func aPluginGetsEnvironmentAndConfiguration() async throws {
        try await TemporaryDirectory.with { directory in
            let echo = try plugin("cat; echo; env | grep ^CNI_ | sort", in: directory)
            let input = Array(repeating: UInt8(ascii: "x"), count: 100_000)
            let output = try await echo.run(invocation(input: input))
            let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
            #expect(lines.first?.count == 100_000)
            #expect(
                Array(lines.dropFirst()) == [
                    "CNI_COMMAND=ADD", "CNI_CONTAINERID=demo.web.0", "CNI_IFNAME=eth0", "CNI_NETNS=/nowhere",
                    "CNI_PATH=/a:/b",
                ]
            )
        }
    }

    @Test(arguments: [
        (
            #"echo '{"code":7,"msg":"no such bridge","details":"try another"}'; exit 1"#,
            "no such bridge; try another (code 7)"
        ),
        ("echo oh no >&2; exit 3", #"exited with status 3 and printed "oh no?""#),
        ("exit 1", "exited with status 1 and printed nothing"),
        ("kill -9 $$", "was killed by signal 9"),
        ("head -c 3000000 /dev/zero; exit 0", "printed more than 262144 bytes"),
    ])
    func errorsNamePluginCommandAndReason(script: String, expected: String) async throws {
        try await TemporaryDirectory.with { directory in
            let failing = try plugin(script, in: directory)
            let error = await #expect(throws: NetworkError.self) { try await failing.run(invocation()) }
            #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
            #expect(error?.message.hasPrefix("CNI plugin fake (\(directory)/fake) ADD demo.web.0: ") == true)
        }
    }

    @Test func errorsQuoteUndecodableOutput() async throws {
        try await TemporaryDirectory.with { directory in
            let network = CNINetwork(
                plugin: try plugin("echo this is no JSON", in: directory),
                configuration: .loopback,
                version: .v1_0_0,
                pluginPaths: [directory]
            )
            let error = await #expect(throws: NetworkError.self) {
                try await network.add("demo.web.0", namespace: "/nowhere", interface: "eth0")
            }
            #expect(error?.message.contains(#"gave no CNI result but printed "this is no JSON?""#) == true)
        }
    }

    /// The plugin ignores SIGTERM and has a child that holds its output open: both have ended when the error is thrown.
    @Test func aHangingPluginIsKilledWithItsChildren() async throws {
        try await TemporaryDirectory.with { directory in
            let script = "trap '' TERM; sleep 1000 & echo $! > \(directory)/child; echo $$ > \(directory)/self; wait"
            let hanging = try plugin(script, in: directory, timeout: .seconds(5))
            let error = await #expect(throws: NetworkError.self) { try await hanging.run(invocation()) }
            #expect(error?.code == .deadlineExceeded)
            for file in ["self", "child"] {
                let text = try FileSystem.read("\(directory)/\(file)")
                let pid = try #require(pid_t(String(text.dropLast())))
                try await eventually("process \(pid) has ended") { kill(pid, 0) == 0 ? nil : true }
            }
        }
    }

    @Test func cancellingKillsThePlugin() async throws {
        try await TemporaryDirectory.with { directory in
            let hanging = try plugin("echo $$ > \(directory)/self; exec sleep 1000", in: directory)
            let task = Task { try await hanging.run(invocation()) }
            let text = try await eventually("it runs") {
                let text = try FileSystem.read("\(directory)/self")
                return text.isEmpty ? nil : text
            }
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            let pid = try #require(pid_t(String(text.dropLast())))
            try await eventually("it has ended") { kill(pid, 0) == 0 ? nil : true }
        }
    }

    @Test func aMissingPluginIsNamedWithPathsAndPackage() async throws {
        try await TemporaryDirectory.with { directory in
            // A directory, and a file that is not executable, are not plugins.
            try FileSystem.makeDirectories("\(directory)/one/bridge")
            try FileSystem.makeDirectories("\(directory)/two")
            try TemporaryDirectory.write([], to: "\(directory)/two/bridge")
            let paths = ["\(directory)/one", "\(directory)/two"]
            let error = #expect(throws: NetworkError.self) { try CNIPluginPaths.find("bridge", in: paths) }
            #expect(error?.code == .failedPrecondition)
            for part in ["CNI plugin bridge", paths[0], paths[1], "containernetworking-plugins"] {
                #expect(error?.message.contains(part) == true)
            }
            chmod("\(directory)/two/bridge", 0o755)
            #expect(try CNIPluginPaths.find("bridge", in: paths) == "\(directory)/two/bridge")
            #expect(throws: NetworkError.self) { try CNIPluginPaths.find("../two/bridge", in: paths) }
        }
    }

    /// Plugins of a killed daemon are found by their environment; other processes go on.
    @Test func orphanedPluginsAreEnded() async throws {
        try await TemporaryDirectory.with { directory in
            try await ChildProcess.with("sleep", ["1000"], environment: ["CNI_NETNS": "\(directory)/ns/a/net"]) {
                ours in
                try await ChildProcess.with("sleep", ["1001"], environment: ["CNI_NETNS": "\(directory)/nsother"]) {
                    other in
                    try await eventually("both run") {
                        let found = try OrphanedPlugins.find(under: directory)
                        return found.count == 2 ? true : nil
                    }
                    #expect(try OrphanedPlugins.find(under: "\(directory)/ns") == [ours.pid])
                    #expect(try OrphanedPlugins.end(under: "\(directory)/ns") == 1)
                    #expect(kill(other.pid, 0) == 0)
                }
            }
        }
    }
}
