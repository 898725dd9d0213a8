import StellarTestKit
import Testing

/// `kill -9` of the daemon at random instants of create and delete: the next start finishes or undoes the command, and nothing
/// is left behind.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(60)))
struct CrashTests {
    /// Half of the kills are during a create, half during a delete. `ReconcilerFaultTests` ends the daemon at each single step.
    private static let kills = Soak.either(20, long: 50)
    /// Longer than a create or a delete takes, so that the instants cover the whole command. In milliseconds.
    private static let window = 0..<600

    @Test func killsAtRandomInstantsLeaveNothing() async throws {
        var random = SplitMix64(seed: Soak.seed("kill instants"))
        try await StellarHost.with { host in
            let image = try await host.push("crash/busybox", .busybox())
            let app = try host.file("app.json", Self.app(image))
            // Once without a kill: the first create makes the image, which stays.
            try await host.sctl("apps", "create", "-f", app)
            try await host.sctl("apps", "delete", "crash")
            let before = try await host.leftovers()

            for round in 1...Self.kills {
                let creating = round.isMultiple(of: 2)
                if !creating { try await host.sctl("apps", "create", "-f", app) }
                let instant = Duration.milliseconds(Int.random(in: Self.window, using: &random))
                let sctl = try BackgroundProcess(
                    BuiltProduct.path("sctl"),
                    ["--addr", host.address, "apps"] + (creating ? ["create", "-f", app] : ["delete", "crash"]),
                    log: "\(host.directory)/sctl.log"
                )
                try await Task.sleep(for: instant)
                host.kill()
                sctl.kill()
                try await host.start()
                // The app may exist or not; a delete that was not accepted is repeated.
                _ = try await host.run("apps", "delete", "crash")
                try await nothingIsLeft(of: before, on: host, "round \(round), killed after \(instant)")
            }
        }
    }

    private func nothingIsLeft(of before: String, on host: StellarHost, _ when: String) async throws {
        var now = ""
        do {
            try await eventually("nothing is left", every: .milliseconds(200)) { () -> Bool? in
                now = try await host.leftovers()
                return now == before ? true : nil
            }
        } catch {
            let old = Set(before.split(separator: "\n"))
            let left = now.split(separator: "\n").filter { !old.contains($0) }
            Issue.record("\(when): left behind: \(left.joined(separator: "; "))")
            throw error
        }
    }

    private static func app(_ image: String) -> String {
        """
        {"name": "crash", "services": [
            {"name": "net", "image": "\(image)", "process": {"args": ["sleep", "1000"]}, "replicas": 2,
             "stop_grace_period": "100ms"},
            {"name": "lone", "image": "\(image)", "process": {"args": ["sleep", "1000"]}, "network": false,
             "stop_grace_period": "100ms"}
        ]}
        """
    }
}
