import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// Programs that end unexpectedly: the errors, and the restarts.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(10)))
struct EndingTests {
    private func app(_ name: String, _ image: String, _ arguments: [String], _ more: String = "") -> String {
        let list = arguments.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            {"name": "\(name)", "services": [
                {"name": "main", "image": "\(image)", "process": {"args": [\(list)]}, "stop_grace_period": "200ms"\(more)}
            ]}
            """
    }

    /// The error has the exit status and the last output, of programs that fail at once or after a moment.
    @Test func aCreateReportsAProgramThatExitsAtOnce() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let endings = [
                ("exit 1", "1"), ("echo last words; exit 3", "3"), ("sleep 0.3; echo last words; exit 4", "4"),
                ("usleep 200000; exit 9", "9"),
            ]
            for (number, (script, status)) in endings.enumerated() {
                let text = app("dies\(number)", image, ["sh", "-c", script], #", "restart": {"condition": "never"}"#)
                let result = try await host.run("apps", "create", "-f", host.file("dies.json", text))
                #expect(result.status != 0, "\(script)")
                #expect(result.errors.contains("dies\(number).main.0"), "\(result.errors)")
                #expect(result.errors.contains("with status \(status)"), "\(result.errors)")
                if script.contains("last words") { #expect(result.errors.contains("last words"), "\(result.errors)") }
            }
        }
    }

    @Test(.requires(.redis)) func aCreateFailsIfRedisRejectsItsOptions() async throws {
        try await StellarHost.with { host in
            let root = #filePath.replacing("/Tests/IntegrationTests/EndingTests.swift", with: "")
            let image = "\(host.registry.host)/library/redis:bad"
            try await ChildProcess.check("\(root)/scripts/make-image.sh", [image])
            let bad = app("bad", image, ["redis-server", "--no-such-option", "yes"])
            let result = try await host.run("apps", "create", "-f", host.file("bad.json", bad))
            #expect(result.status != 0)
            #expect(result.errors.contains("no-such-option"), "\(result.errors)")
            // With good options it succeeds.
            try await host.sctl("apps", "create", "-f", host.file("good.json", app("good", image, ["redis-server"])))
        }
    }

    @Test func onlyAnOutOfMemoryKillIsReportedAsOne() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let never = #", "restart": {"condition": "never"}, "resources": {"memory": "32MiB"}"#
            let hungry = "head -c 200000000 /dev/zero | tail -n 1 > /dev/null; exit 9"
            let first = app("hungry", image, ["sh", "-c", hungry], never)
            let result = try await host.run("apps", "create", "-f", host.file("hungry.json", first))
            // On a busy machine the program can need longer for its first 32 MiB than the start-up check lasts.
            if result.status != 0 { #expect(result.errors.contains("(out of memory: "), "\(result.errors)") }
            try await eventually("the out-of-memory kill is reported") { () -> Bool? in
                let text = try await host.sctl("apps", "inspect", "hungry", "--format", "json")
                return text.contains("(out of memory: ") ? true : nil
            }

            let second = app("killed", image, ["sleep", "1000"], never)
            try await host.sctl("apps", "create", "-f", host.file("killed.json", second))
            try await host.containerd.ctr("tasks", "kill", "-s", "SIGKILL", "killed.main.0")
            let list = try await eventually("the end is detected", within: .seconds(60)) { () -> String? in
                let text = try await host.sctl("apps", "inspect", "killed", "--format", "json")
                return text.contains("signal 9") ? text : nil
            }
            #expect(!list.contains("memory, ") && !list.contains("out of memory"), "\(list)")
            // A replaced or restarted process is not reported as ended.
            let running = app("calm", image, ["sleep", "1000"])
            try await host.sctl("apps", "create", "-f", host.file("calm.json", running))
            let changed = app("calm", image, ["sleep", "2000"])
            try await host.sctl("apps", "create", "-f", host.file("calm2.json", changed))
            try await host.sctl("apps", "restart", "calm")
            try await host.sctl("apps", "delete", "calm")
            let log = host.tailOfLog(lines: 100_000).split(separator: "\n").filter { $0.contains("process ended") }
            #expect(!log.contains { $0.contains("calm.main.0") }, "\(log)")
        }
    }

    /// containerd's restart monitor, here with a hundredth of its interval, restarts containers with its label. Ours do not have
    /// it: a container with a restart delay of an hour stays stopped.
    @Test func containerdsRestartMonitorIgnoresOurContainers() async throws {
        let monitor = "[plugins.\"io.containerd.internal.v1.restart\"]\ninterval = \"100ms\""
        try await StellarHost.with(containerd: monitor) { host in
            let image = try await host.push("busybox", .busybox())
            let restart = #", "restart": {"condition": "always", "delay": "1h", "max_delay": "1h"}"#
            let text = app("loop", image, ["sh", "-c", "exit 4"], restart)
            _ = try await host.run("apps", "create", "-f", host.file("loop.json", text))
            #expect(try await host.containerd.ctr("tasks", "ls").contains("STOPPED"))
            let label = "containerd.io/restart.status=running"
            let control = ["containers", "create", "--label", label, image, "control", "sleep", "1000"]
            try await ChildProcess.check(
                "ctr",
                ["-a", host.containerd.address, "-n", host.containerd.namespace] + control
            )
            var seen: Set<Substring> = []
            try await eventually("the monitor restarts the labelled container", within: .seconds(60)) { () -> Bool? in
                let tasks = try await host.containerd.ctr("tasks", "ls").split(separator: "\n")
                guard let line = tasks.first(where: { $0.hasPrefix("control") && $0.contains("RUNNING") }) else {
                    return nil
                }
                let pid = line.split(separator: " ")[1]
                guard seen.insert(pid).inserted else { return nil }
                _ = Int32(pid).map { Glibc.kill($0, SIGKILL) }
                return seen.count == 3 ? true : nil
            }
            let tasks = try await host.containerd.ctr("tasks", "ls").split(separator: "\n")
            #expect(tasks.contains { $0.hasPrefix("loop.main.0") && $0.contains("STOPPED") }, "\(tasks)")
            #expect(try await !host.containerd.ctr("containers", "info", "loop.main.0").contains("restart.status"))
        }
    }
}
