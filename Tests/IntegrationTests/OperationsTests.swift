import FoundationEssentials
import StellarTestKit
import Testing

/// What operators do and what goes wrong, with the built programs.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(20)))
struct OperationsTests {
    private func app(_ name: String, _ image: String, _ command: String, _ more: String = "") -> String {
        """
        {"name": "\(name)", "services": [
            {"name": "main", "image": "\(image)", "process": {"args": ["sh", "-c", "\(command)"]},
             "stop_grace_period": "200ms"\(more)}
        ]}
        """
    }

    /// The process of a container, by containerd's own tool.
    private func pid(_ id: String, _ host: StellarHost) async throws -> String {
        let tasks = try await host.containerd.ctr("tasks", "ls")
        let line = tasks.split(separator: "\n").first { $0.hasPrefix(id) }
        return line.map { String($0.split(separator: " ")[1]) } ?? ""
    }

    @Test func aRestartOfTheDaemonDisturbsNoContainer() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", app("calm", image, "sleep 1000")))
            let before = try await pid("calm.main.0", host)
            #expect(await host.stop() == 0)
            #expect(try await pid("calm.main.0", host) == before)
            try await host.start()
            host.kill()
            try await host.start()
            #expect(try await pid("calm.main.0", host) == before && !before.isEmpty)
            try await eventually("the daemon knows it") {
                try await host.sctl("apps", "list").contains("running") ? true : nil
            }
            try await host.sctl("apps", "delete", "calm")
        }
    }

    @Test func aServiceThatExitsComesBackUnlessToldOtherwise() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", app("back", image, "sleep 1000")))
            let first = try await pid("back.main.0", host)
            try await host.containerd.ctr("tasks", "kill", "-s", "KILL", "back.main.0")
            try await eventually("it is back") { () -> Bool? in
                let now = try await pid("back.main.0", host)
                return now != first && !now.isEmpty && now != "0" ? true : nil
            }
            try await host.sctl("apps", "delete", "back")
        }
    }

    @Test func whatDoesNotRunIsNamedWithItsLastWords() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            let file = try host.file("a.json", app("bad", image, "echo the last words >&2; exit 3"))
            let result = try await host.run("apps", "create", "-f", file)
            #expect(result.status == 9)
            #expect(result.errors.contains("bad.main.0"), "\(result.errors)")
            #expect(result.errors.contains("status 3"), "\(result.errors)")
            #expect(result.errors.contains("the last words"), "\(result.errors)")
            _ = try await host.run("apps", "delete", "bad")
            try await eventually("nothing is left") { try await host.leftovers() == before ? true : nil }
        }
    }

    @Test func anImageThatDoesNotExistIsNamedAndNothingIsLeft() async throws {
        try await StellarHost.with { host in
            let before = try await host.leftovers()
            let missing = "\(host.registry.host)/no/such:1"
            let result = try await host.run("apps", "create", "-f", host.file("a.json", app("none", missing, "true")))
            #expect(result.status == 9)
            #expect(result.errors.contains(missing), "\(result.errors)")
            _ = try await host.run("apps", "delete", "none")
            try await eventually("nothing is left") { try await host.leftovers() == before ? true : nil }
        }
    }

    @Test func twoCreatesOfOneAppAtOnceSettleToOneWhole() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let file = try host.file("a.json", app("twice", image, "sleep 1000"))
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

    @Test func aProcessThatIgnoresSIGTERMIsKilledAndGone() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            let file = try host.file("a.json", app("deaf", image, "trap '' TERM; while :; do sleep 1; done"))
            try await host.sctl("apps", "create", "-f", file)
            #expect(try await host.sctl("apps", "delete", "deaf") == "deaf deleted\n")
            try await eventually("nothing is left") { try await host.leftovers() == before ? true : nil }
        }
    }

    @Test func containerdAwayIsSaidAndSurvived() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            await host.containerd.stop(crash: true)
            let file = try host.file("a.json", app("late", image, "sleep 1000"))
            let result = try await host.run("apps", "create", "-f", file)
            #expect(result.status != 0)
            #expect(result.errors.contains("containerd"), "\(result.errors)")
            #expect(try await host.run("cluster", "nodes").status == 0)
            try await host.containerd.start()
            try await eventually("an app can be created again") {
                try await host.run("apps", "create", "-f", file).status == 0 ? true : nil
            }
            try await host.sctl("apps", "delete", "late")
        }
    }

    @Test func aTakenPortIsNamed() async throws {
        try await StellarHost.with { host in
            let second = try await ChildProcess.run(
                BuiltProduct.path("stellar"),
                [
                    "server", "--bind-addr", "127.0.0.1", "--agent-port", String(host.address.split(separator: ":")[1]),
                    "--data-dir", "\(host.directory)/other", "--state-dir", "\(host.directory)/other-state", "--bridge",
                    host.bridge, "--subnet", host.subnet, "--containerd-addr", host.containerd.address,
                ]
            )
            #expect(second.status != 0)
            #expect(second.errors.contains("taken") || second.errors.contains("in use"), "\(second.errors)")
            // The first one is none the worse for it.
            #expect(try await host.run("version").status == 0)
        }
    }
}
