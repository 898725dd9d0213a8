import StellarTestKit
import Testing

/// What people ask for at the same time, and of what is not there.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(10)))
struct AtOnceTests {
    @Test func aCreateDuringADeleteOfTheSameAppComesAfterIt() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            let before = try await host.leftovers()
            // Deaf to SIGTERM: the delete takes its whole grace period.
            let text = shellApp("same", image, "trap '' TERM; while :; do sleep 1; done")
            let file = try host.file("a.json", text.replacing("200ms", with: "3s"))
            try await host.sctl("apps", "create", "-f", file)
            let first = try await host.pid("same.main.0")
            let delete = try BackgroundProcess(
                BuiltProduct.path("sctl"),
                ["--addr", host.address, "apps", "delete", "same"],
                log: "\(host.directory)/sctl.log"
            )
            // From the moment it is accepted the app is gone from the list.
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
            try await host.settles(to: before)
        }
    }

    @Test func aDeleteDuringACreateEndsIt() async throws {
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
            // It was done before, or it was told that the app was deleted meanwhile.
            let status = try await eventually("the create ends") { create.status }
            #expect([0, 7, 9].contains(status), "\(status)")
            #expect(!(try await host.sctl("apps", "list").contains("brief")))
            try await host.settles(to: before)
        }
    }

    @Test func whatIsNotThereIsNotFoundAndNothingHappens() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("there", image, "sleep 1000")))
            let pid = try await host.pid("there.main.0")
            // A prefix is not a name (defect D13 of the original).
            for name in ["nope", "ther", "there.mai", "there.main.1", "there.main.0.x", "there.", "../there", "THERE"] {
                for verb in ["delete", "restart", "inspect"] {
                    let result = try await host.run("apps", verb, name)
                    #expect(result.status == 4, "\(verb) \(name): \(result)")
                    #expect(result.errors.contains("application \(name) not found"), "\(verb): \(result.errors)")
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
