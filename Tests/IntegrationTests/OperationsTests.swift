import StellarTestKit
import Testing

/// Commands of operators, and their failures, with the built programs.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(20)))
struct OperationsTests {
    @Test func aRestartOfTheDaemonDisturbsNoContainer() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("calm", image, "sleep 1000")))
            let before = try await host.pid("calm.main.0")
            #expect(await host.stop() == 0)
            #expect(try await host.pid("calm.main.0") == before)
            try await host.start()
            host.kill()
            try await host.start()
            #expect(try await host.pid("calm.main.0") == before && !before.isEmpty)
            try await eventually("the daemon knows it") {
                try await host.runs("calm") ? true : nil
            }
            try await host.sctl("apps", "delete", "calm")
        }
    }

    @Test func anEndedServiceIsStartedAgain() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("back", image, "sleep 1000")))
            let first = try await host.pid("back.main.0")
            try await host.containerd.ctr("tasks", "kill", "-s", "KILL", "back.main.0")
            try await eventually("it is back") { () -> Bool? in
                let now = try await host.pid("back.main.0")
                return now != first && !now.isEmpty && now != "0" ? true : nil
            }
            try await host.sctl("apps", "delete", "back")
        }
    }

    @Test func aFailedCreateNamesTheContainerAndItsLastOutput() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            let file = try host.file("a.json", shellApp("bad", image, "echo the last words >&2; exit 3"))
            let result = try await host.run("apps", "create", "-f", file)
            #expect(result.status == 9)
            #expect(result.errors.contains("bad.main.0"), "\(result.errors)")
            #expect(result.errors.contains("status 3"), "\(result.errors)")
            #expect(result.errors.contains("the last words"), "\(result.errors)")
            _ = try await host.run("apps", "delete", "bad")
            try await host.isUnchanged(since: before)
        }
    }

    @Test func aMissingImageIsNamedAndNothingIsLeft() async throws {
        try await StellarHost.with { host in
            let before = try await host.leftovers()
            let missing = "\(host.registry.host)/no/such:1"
            let result = try await host.run(
                "apps",
                "create",
                "-f",
                host.file("a.json", shellApp("none", missing, "true"))
            )
            #expect(result.status == 9)
            #expect(result.errors.contains(missing), "\(result.errors)")
            _ = try await host.run("apps", "delete", "none")
            try await host.isUnchanged(since: before)
        }
    }

    @Test func simultaneousCreatesMakeTheAppOnce() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let file = try host.file("a.json", shellApp("twice", image, "sleep 1000"))
            let address = host.address
            let results = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 1...2 {
                    group.addTask {
                        let sctl = BuiltProduct.path("sctl")
                        return try await ChildProcess.run(sctl, ["--addr", address, "apps", "create", "-f", file])
                            .status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results == [0, 0])
            #expect(try await host.containerd.ctr("containers", "ls", "-q") == "twice.main.0\n")
            try await host.sctl("apps", "delete", "twice")
        }
    }

    @Test func aProcessThatIgnoresSIGTERMIsKilled() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            let file = try host.file("a.json", shellApp("deaf", image, "trap '' TERM; while :; do sleep 1; done"))
            try await host.sctl("apps", "create", "-f", file)
            #expect(try await host.sctl("apps", "delete", "deaf") == "deaf deleted\n")
            try await host.isUnchanged(since: before)
        }
    }
}
