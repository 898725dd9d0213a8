import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// Faults of CNI during a create: the error names the plugin and the fix, nothing is left on the host, and the same create
/// succeeds after the fault.
///
/// Each test runs its faults on one host, one after the other, because the start of a host takes longer than a fault. After each
/// fault the host must be as before, so that no fault hides another.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(20)))
struct CNIFaultTests {
    /// A directory of plugins that a test can spoil: shell scripts before the real ones.
    private struct Plugins {
        let directory: String
        /// The distribution's folder of plugins.
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

        /// Makes a plugin work.
        func restore(_ name: String) throws {
            try write(name, "exec \(real)/\(name)")
        }

        /// Makes `bridge` run these shell lines for one command; the others work.
        func spoil(_ lines: String, of command: String = "ADD") throws {
            try write("bridge", "if [ \"$CNI_COMMAND\" = \(command) ]; then\n\(lines)\nfi\nexec \(real)/bridge")
        }

        func remove(_ name: String) throws {
            try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }

        /// Replaces the file at once: a shell may be reading the old one.
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

    /// The create must fail with an error that has all `parts`, and leave nothing.
    private func expectFailure(
        _ host: StellarHost,
        _ file: String,
        naming parts: [String],
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

    /// Creates the app, which must succeed, and deletes it.
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
        let faults: [(name: String, lines: String, names: [String])] = [
            (
                "an error of the plugin", #"echo '{"code":11,"msg":"come back later","details":"busy"}'; exit 1"#,
                ["come back later", "busy", "11"]
            ),
            ("no output", "exit 1", ["status 1", "containernetworking-plugins"]),
            (
                "garbage", "echo this is no JSON; exit 0",
                ["this is no JSON", "CNIBinPaths"]
            ),
            ("huge output", "head -c 3000000 /dev/zero; exit 0", ["262144 bytes"]),
            ("another shape", #"echo '{"cniVersion":"1.0.0","ips":"10.0.0.1"}'; exit 0"#, ["CNI result"]),
            ("a list", "echo '[]'; exit 0", ["CNI result"]),
            (
                "a version from the future", #"echo '{"cniVersion":"9.0.0","ips":[]}'; exit 0"#,
                ["CNI result"]
            ),
            (
                "no addresses", "\(real) > /dev/null; echo '{\"cniVersion\":\"1.0.0\"}'; exit 0",
                ["ips"]
            ),
            ("killed before its work", "kill -9 $$", ["signal 9"]),
            ("killed after its work", "\(real) > /dev/null; kill -9 $$", ["signal 9"]),
        ]
        for fault in faults {
            try plugins.spoil(fault.lines)
            let named = fault.name == "no addresses" ? "\(plugins.directory)/bridge" : bridge
            try await expectFailure(host, file, naming: [named] + fault.names, before: before)
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
            let names = ["CNI plugin \(name)", plugins.directory, "containernetworking-plugins"]
            try await expectFailure(host, file, naming: names, before: before)
            try plugins.restore(name)
        }
        try await expectSuccess(host, file, before: before)
        // A daemon that starts without a plugin runs, and reports it.
        await host.stop()
        try plugins.remove("bridge")
        try await host.start()
        let health = try await host.run("cluster", "health")
        #expect(health.status == 5)
        #expect(health.errors.contains("CNI plugin bridge"), "\(health.errors)")
        try await expectFailure(host, file, naming: ["CNI plugin bridge"], before: before)
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
        // The plugin ignores SIGTERM, and its child holds the output open.
        try plugins.spoil("trap '' TERM; sleep 100000 & wait; sleep 100000")
        let names = ["CNI plugin bridge", "ADD net.main.0", "CNITimeout"]
        try await expectFailure(host, file, naming: names, before: before)
        try plugins.restore("bridge")
        await host.stop()
        host.flags = patient
        try await host.start()
        try await expectSuccess(host, file, before: before)
    }

    /// If DEL fails, the daemon itself detaches the container. If CHECK fails at a restart, the daemon attaches the container again.
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

    /// The address of the container, from the nameserver.
    private func address(_ host: StellarHost) async throws -> String {
        let list = try await host.sctl("nameserver", "list")
        let line = try #require(list.split(separator: "\n").first { $0.hasPrefix("net.main.0.stellar") }, "\(list)")
        return try #require(line.split(separator: " ").dropFirst(2).first.map(String.init))
    }

    /// A daemon that was installed without its plugin.
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
        let names = [
            "CNI plugin stellar-cni-ipam", "\(folder), \(plugins.directory)", "stellar daemon",
        ]
        try await expectFailure(host, file, naming: names, before: before)
        symlink(BuiltProduct.path("stellar-cni-ipam"), "\(plugins.directory)/stellar-cni-ipam")
        try await expectSuccess(host, file, before: before)
    }

    private func bridgeOfOthers(_ host: StellarHost, _ file: String, _ before: String) async throws {
        let gateway = try await ChildProcess.check("ip", ["-4", "-o", "address", "show", "dev", host.bridge])
            .split(separator: " ").dropFirst(3).first.map(String.init)
        let prefix = try #require(gateway?.split(separator: "/").last)
        let foreign = "\(host.subnet.replacing("0.0/16", with: "0.7"))/\(prefix)"
        // Another program gives the bridge another address, in this node's subnet.
        try await ChildProcess.check("ip", ["address", "flush", "dev", host.bridge])
        try await ChildProcess.check("ip", ["address", "add", foreign, "dev", host.bridge])
        let names = [
            "bridge \(host.bridge)", foreign, "ip address del \(foreign) dev \(host.bridge)",
        ]
        try await expectFailure(host, file, naming: names, before: before)
        // The same for a daemon that starts now: it runs, and resolves names once the address is right.
        await host.stop()
        try await host.start()
        try await expectFailure(host, file, naming: names, before: before)
        #expect(try await host.run("cluster", "health").status == 5)
        try await ChildProcess.check("ip", ["address", "del", foreign, "dev", host.bridge])
        try await expectSuccess(host, file, before: before)
        try await eventually("names are resolved", within: .seconds(60)) {
            try await host.run("cluster", "health").status == 0 ? true : nil
        }

        // The bridge is removed, or another interface has its name.
        try await ChildProcess.check("ip", ["link", "delete", host.bridge])
        let peer = "\(host.bridge)p"
        try await ChildProcess.check("ip", ["link", "add", host.bridge, "type", "veth", "peer", "name", peer])
        try await expectFailure(
            host,
            file,
            naming: ["interface \(host.bridge)", "is not a bridge"],
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
        // With the firewall's rules of the new subnet.
        let before = try await host.leftovers()
        let one = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
        let many = try host.file("many.json", one.replacing("\"replicas\": 1", with: "\"replicas\": 6"))
        let names = ["all 5 addresses", "Subnet"]
        try await expectFailure(host, many, naming: names, before: before)
        try await expectSuccess(host, file, before: before)
    }

    /// Deletes the network namespace of a running container by hand.
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

    /// Port 53 on the gateway's address is taken: the daemon runs and reports it, and resolves names once the port is free.
    private func takenPort(_ host: StellarHost, _ file: String, _ before: String) async throws {
        let gateway = host.subnet.replacing("0.0/16", with: "0.1")
        await host.stop()
        // The bridge and its address are still there.
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
        #expect(health.errors.contains("\(gateway):53/udp"), "\(health.errors)")
        // An app runs all the same; the create warns about the nameserver.
        let created = try await host.run("apps", "create", "-f", file)
        #expect(created.status == 0)
        #expect(created.errors.contains("\(gateway):53/udp"), "\(created.errors)")
        squatter.kill()
        try await eventually("names are resolved", within: .seconds(60)) {
            try await host.run("cluster", "health").status == 0 ? true : nil
        }
        let found = try await ChildProcess.check("dig", ["@\(gateway)", "+short", "+time=30", "net.main.stellar"])
        #expect(try await found == address(host) + "\n")
        try await host.sctl("apps", "delete", "net")
        try await nothingIsLeft(host, before: before)
    }
}
