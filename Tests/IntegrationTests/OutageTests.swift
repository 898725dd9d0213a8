import StellarTestKit
import Testing

/// containerd starts late, crashes, and comes back.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(60)))
struct OutageTests {
    /// The daemon reconciles every 15 seconds, and a busy machine is slow.
    private static let patience = Duration.seconds(300)

    @Test func theDaemonServesWithoutContainerdAndRecovers() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("early", image, "sleep 1000")))
            await host.stop()
            await host.containerd.stop(crash: true)

            try await host.start()
            let file = try host.file("b.json", shellApp("late", image, "sleep 1000"))
            let create = try await host.run("apps", "create", "-f", file)
            #expect(create.status == 5)
            #expect(create.errors.contains("containerd"), "\(create.errors)")
            #expect(create.errors.contains(host.containerd.address), "\(create.errors)")
            // Commands that need no containerd work.
            #expect(try await host.run("cluster", "nodes").status == 0)
            #expect(try await host.run("nameserver", "list").status == 0)
            #expect(try await host.sctl("apps", "list").contains("early"))
            #expect(!(try await host.sctl("apps", "list").contains("late")))
            try await eventually("the log names it", within: Self.patience) {
                host.tailOfLog(lines: 1000).contains(host.containerd.address) ? true : nil
            }

            try await host.containerd.start()
            // The former app runs again by itself, and a new one can be created.
            try await eventually("the former app runs", within: Self.patience) {
                try await host.runs("early") ? true : nil
            }
            try await eventually("another app can be created", within: Self.patience) {
                try await host.run("apps", "create", "-f", file).status == 0 ? true : nil
            }
            try await host.sctl("apps", "delete", "late")
            try await host.sctl("apps", "delete", "early")
        }
    }

    @Test func aDeleteDuringAContainerdOutageFinishesAfterIt() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("calm", image, "sleep 1000")))
            await host.containerd.stop(crash: true)
            let delete = try await host.run("apps", "delete", "calm.main.0")
            #expect(delete.status == 5, "\(delete.errors)")
            #expect(delete.errors.contains("containerd"), "\(delete.errors)")
            #expect(try await host.run("cluster", "nodes").status == 0)
            try await host.containerd.start()
            // The delete was accepted, and finishes now.
            try await host.isUnchanged(since: before)
        }
    }

    @Test func aContainerdCrashDuringACreateLeavesNothing() async throws {
        var random = SplitMix64(seed: Soak.seed("outages"))
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let text = shellApp("torn", image, "sleep 1000", #", "replicas": 4"#)
            let file = try host.file("a.json", text)
            try await host.sctl("apps", "create", "-f", file)
            try await host.sctl("apps", "delete", "torn")
            let before = try await host.leftovers()
            for round in 1...5 {
                let instant = Duration.milliseconds(Int.random(in: 0..<800, using: &random))
                let sctl = try BackgroundProcess(
                    BuiltProduct.path("sctl"),
                    ["--addr", host.address, "apps", "create", "-f", file],
                    log: "\(host.directory)/sctl.log"
                )
                try await Task.sleep(for: instant)
                await host.containerd.stop(crash: true)
                try await host.containerd.start()
                try await eventually("the create ends", within: Self.patience) { sctl.status }
                // 0: accepted; 4: there is no app. The daemon retries a delete that fails later.
                try await eventually("the delete is accepted") {
                    [0, 4].contains(try await host.run("apps", "delete", "torn").status) ? true : nil
                }
                try await host.isUnchanged(since: before, "round \(round), \(instant)")
            }
        }
    }
}
