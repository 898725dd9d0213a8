import StellarTestKit
import Testing

/// A daemon that cannot start reports the obstacle and the fix, ends with the documented status, and changes nothing.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(10)))
struct RefusalTests {
    @Test func aTakenPortIsNamedWithItsHolder() async throws {
        try await StellarHost.with { host in
            let port = host.address.split(separator: ":")[1]
            let refusal = try await host.refusal(host.otherDaemon() + ["--agent-port", "\(port)"])
            #expect(refusal.status == 1)
            let holder = "stellar (process \(host.daemon?.pid ?? 0))"
            for part in ["stellar: GRPCAddress: ", host.address, holder, "--agent-port"] {
                #expect(refusal.message.contains(part), "\(part): \(refusal.message)")
            }
            // The first daemon still works.
            #expect(try await host.run("version").status == 0)
        }
    }

    @Test func theDaemonNeedsRoot() async throws {
        try await StellarHost.with(start: false) { host in
            // Not root for the daemon, and still able to read the program, wherever the tests were built.
            let isAllowed = try await ChildProcess.run("unshare", ["--user", "true"]).status == 0
            let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            let refusal = try await host.refusal([], in: isAllowed ? ["unshare", "--user"] : nobody)
            #expect(refusal.status == 77)
            #expect(refusal.message.contains("root") && refusal.message.contains("sudo"), "\(refusal.message)")
        }
    }

    @Test func aSecondDaemonNeverSharesResourcesOfTheFirst() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("safe", image, "sleep 1000")))
            let pid = try await host.pid("safe.main.0")
            for (flag, value, thing) in [
                ("--data-dir", host.dataDirectory, "DataDir \(host.dataDirectory)"),
                ("--state-dir", host.stateDirectory, "StateDir \(host.stateDirectory)"),
                ("--bridge", host.bridge, "the bridge \(host.bridge)"),
                ("--namespace", host.containerd.namespace, "the namespace \(host.containerd.namespace)"),
            ] {
                let refusal = try await host.refusal(host.otherDaemon() + [flag, value])
                #expect(refusal.status == 1)
                for part in ["stellar: another stellar ", thing, flag] {
                    #expect(refusal.message.contains(part), "\(part): \(refusal.message)")
                }
            }
            #expect(try await host.pid("safe.main.0") == pid && !pid.isEmpty)
            #expect(try await host.runs("safe"))
            try await host.sctl("apps", "delete", "safe")
        }
    }

    @Test func unusableDirectoriesAreNamed() async throws {
        try await StellarHost.with(start: false) { host in
            let file = try host.file("file", "")
            for (flag, member) in [("--data-dir", "DataDir"), ("--state-dir", "StateDir")] {
                let refusal = try await host.refusal([flag, "\(file)/below"])
                #expect(refusal.status == 1)
                #expect(refusal.message.contains("stellar: \(member): "), "\(refusal.message)")
                #expect(
                    refusal.message.contains("\(file)/below: Not a directory"),
                    "\(refusal.message)"
                )
                #expect(refusal.message.contains(flag), "\(refusal.message)")
            }
            try await MemoryDisk.with(at: "\(host.directory)/disk", kibibytes: 1024) { disk in
                try await disk.makeReadOnly()
                let refusal = try await host.refusal(["--data-dir", disk.path])
                #expect(refusal.status == 1)
                #expect(
                    refusal.message.contains("DataDir: ") && refusal.message.contains("\(disk.path)/lock"),
                    "\(refusal.message)"
                )
                #expect(refusal.message.contains("Read-only file system"), "\(refusal.message)")
            }
            let long = "\(host.directory)/\(String(repeating: "x", count: 100))"
            let refusal = try await host.refusal(["--state-dir", long])
            #expect(refusal.status == 78)
            #expect(
                refusal.message.contains("StateDir: ") && refusal.message.contains("\"\(long)\""),
                "\(refusal.message)"
            )
        }
    }

    @Test func missingDirectoriesAreMade() async throws {
        try await StellarHost.with(start: false) { host in
            host.flags = ["--state-dir", "\(host.directory)/a/b/c", "--data-dir", "\(host.directory)/d/e/f"]
            try await host.start()
            let socket = "unix://\(host.directory)/a/b/c/stellar.sock"
            try await ChildProcess.check(BuiltProduct.path("sctl"), ["--addr", socket, "version"])
            #expect(await host.stop() == 0)
        }
    }

    @Test(arguments: [
        (#"{"Bridg": "x"}"#, ["Bridg: ", "did you mean Bridge?"]),
        (
            #"{"NodeID": 3, "Peers": ["a", 3]}"#,
            ["NodeID: ", "a string", "a number (3)", "Peers[1]: "]
        ),
        (#"{"Subnet": "10.0.0.0/30"}"#, ["Subnet: "]),
        ("{\n  \"NodeID\" 3}", ["line 2, column "]),
        ("[]", ["an object", "a list"]),
        ("", ["line 1, column 1"]),
        ("\u{0}\u{1}\u{2}", ["line 1, column 1"]),
    ])
    func invalidConfigurationFilesAreRefused(_ text: String, _ messages: [String]) async throws {
        try await TemporaryDirectory.with { directory in
            let file = "\(directory)/stellar.json"
            try TemporaryDirectory.write(text.utf8, to: file)
            let result = try await ChildProcess.run(BuiltProduct.path("stellar"), ["server", "--config", file])
            #expect(result.status == 78)
            for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
            #expect(result.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("stellar: ") }, "\(result.errors)")
        }
    }

    @Test func configurationFilesThatFailToOpenAreNamed() async throws {
        try await TemporaryDirectory.with { directory in
            for (path, reason) in [("\(directory)/none.json", "No such file"), (directory, "Is a directory")] {
                let result = try await ChildProcess.run(BuiltProduct.path("stellar"), ["server", "--config", path])
                #expect(result.status == 78)
                #expect(
                    result.errors.contains("stellar: ") && result.errors.contains("\(path): \(reason)"),
                    "\(result.errors)"
                )
            }
        }
    }

    @Test func anUnknownFlagIsAUsageError() async throws {
        let result = try await ChildProcess.run(BuiltProduct.path("stellar"), ["server", "--data-dirr", "/x"])
        #expect(result.status == 64)
        #expect(result.errors.contains("--data-dirr"), "\(result.errors)")
    }
}
