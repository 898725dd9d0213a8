import FoundationEssentials
import Glibc
import StellarCore
import StellarRuntime
import StellarTestKit
import Testing

/// Successive tasks of the same container, on a real containerd.
@Suite(.requires(.root, .containerd, .busybox), .serialized, .timeLimit(.minutes(5)))
struct RestartTests {
    private static let quickRestarts = 10

    /// A new task right after the end of the old one: nothing of the old task may block or end it.
    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runc.v1", "io.containerd.runtime.v1.linux"])
    func aTaskCanFollowAnotherAtOnce(runtimeName: String) async throws {
        try await Workshop.with { shop in
            let id = "demo.quick.0"
            try await shop.runtime.create(
                shop.specification(id, "echo up; exec sleep 1000") { $0.runtime = runtimeName }
            )
            for number in 1...Self.quickRestarts {
                let pid = try await shop.runtime.start(id, log: shop.log(id))
                try await eventually("start \(number)", within: .seconds(60)) {
                    shop.output(id).split(separator: "\n").count == number ? true : nil
                }
                #expect(try await shop.runtime.container(id)?.task == .init(pid: pid, status: .running), "\(number)")
                #expect(try await shop.runtime.stop(id, grace: .zero)?.code == 137, "\(number)")
            }
            try await shop.runtime.delete(id)
            #expect(try await shop.containerd.ctr("containers", "ls", "-q").isEmpty)
        }
    }

    /// Programs that end by themselves; each new task replaces the ended one.
    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runtime.v1.linux"])
    func aNewTaskReplacesAnEndedOne(runtimeName: String) async throws {
        try await Workshop.with { shop in
            let id = "demo.quick.0"
            try await shop.runtime.create(shop.specification(id, "exit 7") { $0.runtime = runtimeName })
            for number in 1...Self.quickRestarts {
                try await shop.runtime.start(id, log: shop.log(id))
                #expect(try await shop.runtime.wait(id, timeout: .seconds(60))?.code == 7, "\(number)")
            }
            try await shop.runtime.delete(id)
            #expect(try await shop.containerd.ctr("tasks", "ls", "-q").isEmpty)
        }
    }

    /// A task's folder that containerd failed to remove, or the hidden one that blocks its removal: with either,
    /// containerd 1.6 makes no task of this container any more.
    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runtime.v1.linux"], [false, true])
    func aLeftBundleDoesNotPreventATask(runtimeName: String, isHidden: Bool) async throws {
        try await Workshop.with { shop in
            let id = "demo.left.0"
            try await shop.runtime.create(shop.specification(id, "exec sleep 1000") { $0.runtime = runtimeName })
            let isLoaded = try await shop.isLoaded(runtimeName)
            let isOld = runtimeName == "io.containerd.runtime.v1.linux" && isLoaded
            let plugin = isOld ? runtimeName : "io.containerd.runtime.v2.task"
            let home = "\(shop.containerd.directory)/state/\(plugin)/\(shop.containerd.namespace)"
            let left = isHidden ? "\(home)/.\(id)" : "\(home)/\(id)"
            if isHidden { try await shop.runtime.start(id, log: shop.log(id)) }
            try FileManager.default.createDirectory(atPath: "\(left)/rootfs", withIntermediateDirectories: true)
            try TemporaryDirectory.write("{}".utf8, to: "\(left)/config.json")
            if isHidden {
                // containerd fails to remove the bundle, and reports it only in its log.
                try await shop.runtime.stop(id, grace: .zero)
                try #require(access("\(home)/\(id)", F_OK) == 0)
            }
            for _ in 0..<2 {
                let pid = try await shop.runtime.start(id, log: shop.log(id))
                #expect(try await shop.runtime.container(id)?.task == .init(pid: pid, status: .running))
                #expect(try await shop.runtime.stop(id, grace: .zero)?.code == 137)
                #expect(access("\(home)/\(id)", F_OK) != 0)
                #expect(access("\(home)/.\(id)", F_OK) != 0)
            }
            try await shop.runtime.delete(id)
        }
    }

    /// containerd's restart monitor starts containers with its label. Stellar's have none: stopped containers stay
    /// stopped, and ended ones wait for the daemon.
    @Test func containerdsRestartMonitorDoesNotStartStellarsContainers() async throws {
        let monitor = "[plugins.\"io.containerd.internal.v1.restart\"]\ninterval = \"100ms\""
        try await Workshop.with(containerdConfiguration: monitor) { shop in
            let (stopped, ended, control) = ("demo.stopped.0", "demo.ended.0", "control")
            for (id, script) in [(stopped, "exec sleep 1000"), (ended, "exit 3")] {
                try await shop.runtime.create(shop.specification(id, script) { $0.restart = .init(condition: .always) })
                try await shop.runtime.start(id, log: shop.log(id))
            }
            #expect(try await shop.runtime.wait(ended, timeout: .seconds(60))?.code == 3)
            let before = try #require(try await shop.runtime.container(ended)?.task)
            #expect(try await shop.runtime.stop(stopped, grace: .zero)?.code == 137)
            // The monitor works: it has started the container with its label three times since.
            let label = "containerd.io/restart.status=running"
            try await shop.containerd.ctr(
                "containers",
                "create",
                "--label",
                label,
                shop.image,
                control,
                "sleep",
                "1000"
            )
            var seen: Set<UInt32> = []
            try await eventually("the monitor starts its own", within: .seconds(60)) { () -> Bool? in
                let task = try await shop.runtime.container(control)?.task
                guard let task, task.status == .running, !seen.contains(task.pid) else { return nil }
                seen.insert(task.pid)
                try await shop.runtime.kill(control, signal: SIGKILL)
                return seen.count == 3 ? true : nil
            }
            #expect(try await shop.runtime.container(stopped)?.task == nil)
            #expect(try await shop.runtime.container(ended)?.task == before)
            for id in [stopped, ended] { try await shop.runtime.delete(id) }
        }
    }
}
