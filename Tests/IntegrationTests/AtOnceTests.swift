import StellarTestKit
import Testing

/// Commands at the same time, and commands about unknown names.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(10)))
struct AtOnceTests {
    @Test func aCreateDuringADeleteRunsAfterIt() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            // The process ignores SIGTERM: the delete takes the whole grace period.
            let text = shellApp("same", image, "trap '' TERM; while :; do sleep 1; done")
            let file = try host.file("a.json", text.replacing("200ms", with: "3s"))
            try await host.sctl("apps", "create", "-f", file)
            let first = try await host.pid("same.main.0")
            let delete = try BackgroundProcess(
                BuiltProduct.path("sctl"),
                ["--addr", host.address, "apps", "delete", "same"],
                log: "\(host.directory)/sctl.log"
            )
            // The list has no app whose delete is accepted.
            try await eventually("the delete is accepted") {
                try await host.sctl("apps", "list").contains("same") ? nil : true
            }
            try await host.sctl("apps", "create", "-f", file)
            let second = try await host.pid("same.main.0")
            #expect(second != first && !second.isEmpty)
            #expect(try await eventually("the delete ends") { delete.status } == 0)
            #expect(try await host.containerd.ctr("containers", "ls", "-q") == "same.main.0\n")
            #expect(try await host.runs("same"))
            try await host.sctl("apps", "delete", "same")
            try await host.isUnchanged(since: before)
        }
    }

    @Test func aDeleteDuringACreateAbortsIt() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            let file = try host.file("a.json", shellApp("brief", image, "sleep 1000", #", "replicas": 3"#))
            let create = try BackgroundProcess(
                BuiltProduct.path("sctl"),
                ["--addr", host.address, "apps", "create", "-f", file],
                log: "\(host.directory)/sctl.log"
            )
            try await eventually("the create is accepted") {
                try await host.sctl("apps", "list").contains("brief") ? true : nil
            }
            try await host.sctl("apps", "delete", "brief")
            // 0: it finished before the delete. 7, 9: the delete aborted it.
            let status = try await eventually("the create ends") { create.status }
            #expect([0, 7, 9].contains(status), "\(status)")
            #expect(!(try await host.sctl("apps", "list").contains("brief")))
            try await host.isUnchanged(since: before)
        }
    }

    @Test func unknownNamesAreNotFoundAndNothingHappens() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("there", image, "sleep 1000")))
            let pid = try await host.pid("there.main.0")
            // A prefix is not a name (defect D13 of the original).
            for name in ["nope", "ther", "there.mai", "there.main.1", "there.main.0.x", "there.", "../there", "THERE"] {
                for verb in ["delete", "restart", "inspect"] {
                    let result = try await host.run("apps", verb, name)
                    #expect(result.status == 4, "\(verb) \(name): \(result)")
                    #expect(result.errors.contains(name), "\(verb): \(result.errors)")
                }
                let container = try await host.run("node", "containers", "delete", name)
                #expect(container.status == 4, "\(name): \(container)")
            }
            #expect(try await host.pid("there.main.0") == pid && !pid.isEmpty)
            try await host.sctl("apps", "delete", "there")
            #expect(try await host.run("apps", "delete", "there").status == 4)
        }
    }
}
