import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// CNI in every way it can go wrong, seen by who creates an app: the plugin and the fix are named, nothing is left on the
/// host, and once the fault is gone the same app is created.
///
/// Each test has one host and goes through its faults one after the other: a host takes longer to start than a fault to
/// be seen. After each fault the host must be as it was before, so that none hides another.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(20)))
struct CNIFaultTests {
    /// A directory of plugins that behave as the test says: the real ones behind shell scripts.
    private struct Plugins {
        let directory: String
        /// Where the distribution has them.
        let real: String

        init(in host: StellarHost) throws {
            directory = "\(host.directory)/cni"
            real = try #require(
                ["/usr/lib/cni", "/opt/cni/bin"].first { access("\($0)/bridge", X_OK) == 0 }
            )
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try restore("bridge")
            try restore("loopback")
        }

        /// Makes a plugin do as it should.
        func restore(_ name: String) throws {
            try write(name, "exec \(real)/\(name)")
        }

        /// Makes `bridge` run these shell lines for one command, and do as it should for the others.
        func spoil(_ lines: String, of command: String = "ADD") throws {
            try write("bridge", "if [ \"$CNI_COMMAND\" = \(command) ]; then\n\(lines)\nfi\nexec \(real)/bridge")
        }

        func remove(_ name: String) throws {
            try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }

        /// In place at once: a shell may be reading the old one.
        private func write(_ name: String, _ lines: String) throws {
            let path = "\(directory)/\(name)"
            try TemporaryDirectory.write("#!/bin/sh\n\(lines)\n".utf8, to: path + ".new")
            chmod(path + ".new", 0o755)
            rename(path + ".new", path)
        }
    }

    private static func app(_ image: String) -> String {
        """
        {"name": "net", "services": [
            {"name": "main", "image": "\(image)", "network": true, "replicas": 1,
             "process": {"args": ["sleep", "100000"]}, "stop_grace_period": "10ms"}
        ]}
        """
    }

    /// A host whose plugins the test can spoil, and the file of an app with one container on the network.
    private func withHost(
        _ body: (_ host: StellarHost, _ plugins: Plugins, _ file: String) async throws -> Void
    ) async throws {
        try await StellarHost.with(start: false) { host in
            let plugins = try Plugins(in: host)
            host.flags = ["--cni-bin-path", plugins.directory]
            try await host.start()
            let image = try await host.push("busybox", .busybox())
            try await body(host, plugins, host.file("net.json", Self.app(image)))
        }
    }

    /// Create must fail, say all of `parts`, and leave nothing.
    private func expectFailure(
        _ host: StellarHost,
        _ file: String,
        saying parts: [String],
        before: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let result = try await host.run("apps", "create", "-f", file)
        #expect(result.status != 0, sourceLocation: sourceLocation)
        for part in parts {
            #expect(result.errors.contains(part), "\(part): \(result.errors)", sourceLocation: sourceLocation)
        }
        try await nothingIsLeft(host, before: before)
    }

    private func nothingIsLeft(_ host: StellarHost, before: String) async throws {
        var now = ""
        do {
            try await eventually("nothing is left", within: .seconds(60)) {
                now = try await host.leftovers()
                return now == before ? true : nil
            }
        } catch let error as NeverHappened {
            Issue.record("\(error)\nbefore:\n\(before)\nnow:\n\(now)")
        }
    }

    /// Creates the app, which must work, and deletes it again.
    private func expectSuccess(_ host: StellarHost, _ file: String, before: String) async throws {
        try await host.sctl("apps", "create", "-f", file)
        try await host.sctl("apps", "delete", "net")
        try await nothingIsLeft(host, before: before)
    }

    @Test func faultsOfPluginsAreNamedAndUndone() async throws {
        try await withHost { host, plugins, file in
            let before = try await host.leftovers()
            try await misbehaving(host, plugins, file, before)
            try await missing(host, plugins, file, before)
            try await failingAtDeleteAndCheck(host, plugins, file, before)
            try await namespaceDeletedByHand(host, file, before)
        }
    }

    @Test func faultsOfTheHostAreNamedAndUndone() async throws {
        try await withHost { host, plugins, file in
            let before = try await host.leftovers()
            try await bridgeOfOthers(host, file, before)
            try await takenPort(host, file, before)
            try await hanging(host, plugins, file, before)
            try await ownPluginMissing(host, plugins, file, before)
            try await exhaustedSubnet(host, file)
        }
    }

    private func misbehaving(
        _ host: StellarHost,
        _ plugins: Plugins,
        _ file: String,
        _ before: String
    ) async throws {
        let bridge = "CNI plugin bridge (\(plugins.directory)/bridge) ADD net.main.0"
        let real = "\(plugins.real)/bridge"
        let faults: [(name: String, lines: String, says: [String])] = [
            (
                "an error of its own", #"echo '{"code":11,"msg":"come back later","details":"busy"}'; exit 1"#,
                ["come back later; busy (code 11)"]
            ),
            ("no word", "exit 1", ["exited with status 1 and printed nothing", "containernetworking-plugins"]),
            (
                "garbage", "echo this is no JSON; exit 0",
                [#"no CNI result but printed "this is no JSON"#, "CNIBinPaths"]
            ),
            ("huge output", "head -c 3000000 /dev/zero; exit 0", ["printed more than 262144 bytes"]),
            ("another shape", #"echo '{"cniVersion":"1.0.0","ips":"10.0.0.1"}'; exit 0"#, ["gave no CNI result"]),
            ("a list", "echo '[]'; exit 0", ["gave no CNI result"]),
            (
                "a version from the future", #"echo '{"cniVersion":"9.0.0","ips":[]}'; exit 0"#,
                ["gave no CNI result"]
            ),
            (
                "no addresses", "\(real) > /dev/null; echo '{\"cniVersion\":\"1.0.0\"}'; exit 0",
                ["no ips returned from cni"]
            ),
            ("killed before its work", "kill -9 $$", ["was killed by signal 9"]),
            ("killed after its work", "\(real) > /dev/null; kill -9 $$", ["was killed by signal 9"]),
        ]
        for fault in faults {
            try plugins.spoil(fault.lines)
            let named = fault.name == "no addresses" ? "\(plugins.directory)/bridge" : bridge
            try await expectFailure(host, file, saying: [named] + fault.says, before: before)
        }
        try plugins.restore("bridge")
        try await expectSuccess(host, file, before: before)
    }

    private func missing(
        _ host: StellarHost,
        _ plugins: Plugins,
        _ file: String,
        _ before: String
    ) async throws {
        for name in ["bridge", "loopback"] {
            try plugins.remove(name)
            let says = ["CNI plugin \(name) not found in \(plugins.directory);", "containernetworking-plugins"]
            try await expectFailure(host, file, saying: says, before: before)
            try plugins.restore(name)
        }
        try await expectSuccess(host, file, before: before)
        // A daemon that starts without them runs, and says what is wrong.
        await host.stop()
        try plugins.remove("bridge")
        try await host.start()
        let health = try await host.run("cluster", "health")
        #expect(health.status == 5)
        #expect(health.errors.contains("CNI plugin bridge not found"), "\(health.errors)")
        try await expectFailure(host, file, saying: ["CNI plugin bridge not found"], before: before)
        try plugins.restore("bridge")
        try await expectSuccess(host, file, before: before)
        #expect(try await host.run("cluster", "health").status == 0)
    }

    private func hanging(
        _ host: StellarHost,
        _ plugins: Plugins,
        _ file: String,
        _ before: String
    ) async throws {
        await host.stop()
        let patient = host.flags
        host.flags += ["--cni-timeout", "5s"]
        try await host.start()
        // It does not listen to SIGTERM, and its child holds the output open.
        try plugins.spoil("trap '' TERM; sleep 100000 & wait; sleep 100000")
        let says = ["CNI plugin bridge", "ADD net.main.0", "no answer within", "CNITimeout"]
        try await expectFailure(host, file, saying: says, before: before)
        try plugins.restore("bridge")
        await host.stop()
        host.flags = patient
        try await host.start()
        try await expectSuccess(host, file, before: before)
    }

    /// What DEL should do is done without it; CHECK is asked when a container starts again, which is then joined anew.
    private func failingAtDeleteAndCheck(
        _ host: StellarHost,
        _ plugins: Plugins,
        _ file: String,
        _ before: String
    ) async throws {
        for lines in ["exit 1", #"echo '{"code":100,"msg":"no"}'; exit 1"#, "echo garbage; exit 7"] {
            try await host.sctl("apps", "create", "-f", file)
            try plugins.spoil(lines, of: "DEL")
            #expect(try await host.sctl("apps", "delete", "net") == "net deleted\n")
            try await nothingIsLeft(host, before: before)
            try plugins.restore("bridge")
        }
        #expect(host.tailOfLog(lines: 1000).contains("was removed from the network without it"))

        try plugins.spoil(#"echo '{"code":100,"msg":"not as it was"}'; exit 1"#, of: "CHECK")
        try await host.sctl("apps", "create", "-f", file)
        try await host.sctl("apps", "restart", "net")
        #expect(host.tailOfLog(lines: 1000).contains("not as it was"))
        let address = try await self.address(host)
        try await ChildProcess.check("busybox", ["ping", "-c", "1", "-W", "20", address])
        try await host.sctl("apps", "delete", "net")
        try await nothingIsLeft(host, before: before)
    }

    /// The address that the container has, by our own nameserver.
    private func address(_ host: StellarHost) async throws -> String {
        let list = try await host.sctl("nameserver", "list")
        let line = try #require(list.split(separator: "\n").first { $0.hasPrefix("net.main.0.stellar") }, "\(list)")
        return try #require(line.split(separator: " ").dropFirst(2).first.map(String.init))
    }

    /// A daemon that was installed alone.
    private func ownPluginMissing(
        _ host: StellarHost,
        _ plugins: Plugins,
        _ file: String,
        _ before: String
    ) async throws {
        await host.stop()
        let folder = "\(host.directory)/bin"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: BuiltProduct.path("stellar"), toPath: "\(folder)/stellar")
        host.program = "\(folder)/stellar"
        try await host.start()
        let says = [
            "CNI plugin stellar-cni-ipam not found in \(folder), \(plugins.directory)",
            "install it beside the stellar daemon",
        ]
        try await expectFailure(host, file, saying: says, before: before)
        symlink(BuiltProduct.path("stellar-cni-ipam"), "\(plugins.directory)/stellar-cni-ipam")
        try await expectSuccess(host, file, before: before)
    }

    private func bridgeOfOthers(_ host: StellarHost, _ file: String, _ before: String) async throws {
        let gateway = try await ChildProcess.check("ip", ["-4", "-o", "address", "show", "dev", host.bridge])
            .split(separator: " ").dropFirst(3).first.map(String.init)
        let prefix = try #require(gateway?.split(separator: "/").last)
        let foreign = "\(host.subnet.replacing("0.0/16", with: "0.7"))/\(prefix)"
        // Somebody gives it another address, in this node's subnet.
        try await ChildProcess.check("ip", ["address", "flush", "dev", host.bridge])
        try await ChildProcess.check("ip", ["address", "add", foreign, "dev", host.bridge])
        let says = [
            "bridge \(host.bridge) has the address \(foreign)", "ip address del \(foreign) dev \(host.bridge)",
        ]
        try await expectFailure(host, file, saying: says, before: before)
        // So it is for a daemon that starts now; it runs, and names are answered when the address is there.
        await host.stop()
        try await host.start()
        try await expectFailure(host, file, saying: says, before: before)
        #expect(try await host.run("cluster", "health").status == 5)
        try await ChildProcess.check("ip", ["address", "del", foreign, "dev", host.bridge])
        try await expectSuccess(host, file, before: before)
        try await eventually("names are answered", within: .seconds(60)) {
            try await host.run("cluster", "health").status == 0 ? true : nil
        }

        // The bridge is taken away, or another thing stands in its place.
        try await ChildProcess.check("ip", ["link", "delete", host.bridge])
        let peer = "\(host.bridge)p"
        try await ChildProcess.check("ip", ["link", "add", host.bridge, "type", "veth", "peer", "name", peer])
        try await expectFailure(
            host,
            file,
            saying: ["interface \(host.bridge) is not a bridge"],
            before: before
        )
        try await ChildProcess.check("ip", ["link", "delete", host.bridge])
        try await expectSuccess(host, file, before: before)
    }

    /// The daemon starts again with a smaller network: a /19 gives each node a /29, with five addresses for containers.
    private func exhaustedSubnet(_ host: StellarHost, _ file: String) async throws {
        await host.stop()
        host.flags += ["--subnet", host.subnet.replacing("/16", with: "/19")]
        try await host.start()
        // The firewall's rules have followed.
        let before = try await host.leftovers()
        let one = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
        let many = try host.file("many.json", one.replacing("\"replicas\": 1", with: "\"replicas\": 6"))
        let says = ["IP allocation exhausted: all 5 addresses", "larger Subnet"]
        try await expectFailure(host, many, saying: says, before: before)
        try await expectSuccess(host, file, before: before)
    }

    /// `umount` and `rm` by hand, under a container that runs.
    private func namespaceDeletedByHand(_ host: StellarHost, _ file: String, _ before: String) async throws {
        let path = "\(host.stateDirectory)/ns/net.main.0/net"
        func deleteByHand() async throws {
            try await ChildProcess.check("umount", [path])
            try await ChildProcess.check("rm", [path])
        }
        try await host.sctl("apps", "create", "-f", file)
        try await deleteByHand()
        try await host.sctl("apps", "delete", "net")
        try await nothingIsLeft(host, before: before)

        try await host.sctl("apps", "create", "-f", file)
        try await deleteByHand()
        try await host.sctl("apps", "restart", "net")
        try await ChildProcess.check("busybox", ["ping", "-c", "1", "-W", "20", address(host)])
        try await host.sctl("apps", "delete", "net")
        try await nothingIsLeft(host, before: before)
    }

    /// Port 53 on the gateway's address taken: the daemon runs, says so, and answers as soon as it can.
    private func takenPort(_ host: StellarHost, _ file: String, _ before: String) async throws {
        let gateway = host.subnet.replacing("0.0/16", with: "0.1")
        await host.stop()
        // The bridge is still there, and so is the address.
        let squatter = try BackgroundProcess(
            "python3",
            [
                "-c",
                "import socket,time\ns=socket.socket(2,2)\ns.bind(('\(gateway)',53))\nprint('bound',flush=True)\ntime.sleep(100000)",
            ],
            log: "\(host.directory)/squatter.log"
        )
        try await eventually("it holds the port", within: .seconds(60)) {
            FileManager.default.contents(atPath: squatter.log).flatMap { $0.isEmpty ? nil : true }
        }
        try await host.start()
        let health = try await host.run("cluster", "health")
        #expect(health.status == 5)
        #expect(health.errors.contains("\(gateway):53/udp is taken"), "\(health.errors)")
        // An app runs all the same, and its maker is told what it lacks.
        let created = try await host.run("apps", "create", "-f", file)
        #expect(created.status == 0)
        #expect(created.errors.contains("\(gateway):53/udp is taken"), "\(created.errors)")
        squatter.kill()
        try await eventually("names are answered", within: .seconds(60)) {
            try await host.run("cluster", "health").status == 0 ? true : nil
        }
        let found = try await ChildProcess.check("dig", ["@\(gateway)", "+short", "+time=30", "net.main.stellar"])
        #expect(try await found == address(host) + "\n")
        try await host.sctl("apps", "delete", "net")
        try await nothingIsLeft(host, before: before)
    }
}
