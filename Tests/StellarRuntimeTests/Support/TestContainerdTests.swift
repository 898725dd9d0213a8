import FoundationEssentials
import StellarTestKit
import Testing

@Suite(.requires(.root, .containerd), .serialized)
struct TestContainerdTests {
    @Test func servesRestartsAndLeavesNothing() async throws {
        var directory = ""
        try await TestContainerd.with { containerd in
            directory = containerd.directory
            #expect(try await containerd.ctr("version").contains("Server"))
            let first = await containerd.pid
            await containerd.stop(crash: true)
            await #expect(throws: (any Error).self) { try await containerd.ctr("version") }
            try await containerd.start()
            #expect(await containerd.pid != first)
            #expect(try await containerd.ctr("images", "ls", "-q").isEmpty)
        }
        #expect(!FileManager.default.fileExists(atPath: directory))
    }
}

struct BackgroundProcessTests {
    @Test func endsWithItsOwner() async throws {
        try await TemporaryDirectory.with { folder in
            var process: BackgroundProcess? = try BackgroundProcess("sleep", ["600"], log: "\(folder)/log")
            let pid = try #require(process?.pid)
            #expect(process?.status == nil)
            process = nil
            #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)"))
        }
    }

    @Test func reportsHowTheProgramEnded() async throws {
        try await TemporaryDirectory.with { folder in
            let process = try BackgroundProcess("sh", ["-c", "echo said; exit 7"], log: "\(folder)/log")
            let status = try await eventually("exit") { process.status }
            #expect(status == 7)
            let log = "\(folder)/deaf"
            let deaf = try BackgroundProcess(
                "sh",
                ["-c", "trap '' TERM; echo set; while :; do sleep 1; done"],
                log: log
            )
            try await eventually("trap") {
                try String(contentsOfFile: log, encoding: .utf8).contains("set") ? true : nil
            }
            #expect(await deaf.stop(grace: .milliseconds(50)) == 128 + 9)
        }
    }
}
