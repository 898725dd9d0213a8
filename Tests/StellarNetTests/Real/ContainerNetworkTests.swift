import Glibc
import Logging
import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

/// Real namespaces, bridge, plugins and firewall. The tests run one after the other: they share the host's interfaces and rules,
/// and each compares them before and after.
@Suite(.requires(.root, .netns, .cni, .busybox), .serialized, .timeLimit(.minutes(10)))
struct ContainerNetworkTests {
    /// The build's directory with `stellar-cni-ipam`.
    private static let productDirectory = FileSystem.parent(of: BuiltProduct.path("stellar-cni-ipam"))
    private static let bridgeName = "stltest0"

    struct Fixture {
        var network: ContainerNetwork
        var daemon: FakeDaemon
        var directory: String
    }

    /// A network with its daemon; afterwards the host must be as before.
    private func withNetwork(
        plugins: [String] = [],
        ownDirectory: String? = nil,
        timeout: Duration = .seconds(120),
        _ body: (Fixture) async throws -> Void
    ) async throws {
        let before = try await Leftovers.list()
        try await TemporaryDirectory.with { directory in
            let subnet = try #require(IPv4Subnet("10.213.0.0/24"))
            let socket = "\(directory)/d.sock"
            let daemon = try await FakeDaemon(nodeID: "n1", subnet: subnet, socket: socket)
            var configuration = ContainerNetworkConfiguration(
                nodeID: "n1",
                subnet: subnet,
                peerAddress: "127.0.0.1:1",
                socket: socket
            )
            configuration.bridge = Self.bridgeName
            configuration.stateDirectory = directory
            configuration.pluginPaths = plugins + [Self.productDirectory, "/usr/lib/cni", "/opt/cni/bin"]
            configuration.ownPluginDirectory = ownDirectory
            configuration.pluginTimeout = timeout
            let network = ContainerNetwork(
                configuration,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let fixture = Fixture(network: network, daemon: daemon, directory: directory)
            do {
                try await network.prepare()
                try await body(fixture)
                #expect(daemon.books.ids == [], "addresses that were not freed")
                #expect(try await network.attachedIDs() == [])
            } catch {
                Issue.record(error)
                for id in try await network.attachedIDs() { try? await network.detach(id) }
            }
            try await network.teardown()
            await daemon.stop()
            // Mounts are compared by directory, as other tests mount and unmount meanwhile.
            let mounts = MountTable.parse(try FileSystem.read("/proc/self/mountinfo")).map(\.point)
            #expect(mounts.filter { $0.hasPrefix(directory) } == [])
        }
        var left: [String] = []
        // The kernel removes a dead namespace's interfaces a moment later.
        _ = try? await eventually("nothing is left") {
            left = try await Leftovers.list().filter { !before.contains($0) }
            return left.isEmpty ? true : nil
        }
        #expect(left == [])
    }

    @Test func attachGivesAnAddressAndDetachLeavesNothing() async throws {
        try await withNetwork { fixture in
            let network = fixture.network
            let first = try await network.attach("demo.web.0")
            #expect(first.address?.description == "10.213.0.2")
            #expect(first.gateway?.description == "10.213.0.1")
            #expect(first.namespacePath == "\(fixture.directory)/ns/demo.web.0/net")
            #expect(try await network.check("demo.web.0"))
            try await network.verify("demo.web.0")
            // Again: the same, and no second address.
            #expect(try await network.attach("demo.web.0") == first)
            #expect(try await network.attachment("demo.web.0") == first)

            let links = try await RouteSession.open(namespace: first.namespacePath) { session in
                let links = try session.links()
                return (links, try session.addresses(), try session.routes())
            }
            #expect(links.0.map(\.name).sorted() == ["eth0", "lo"])
            #expect(links.0.allSatisfy { $0.isUp })
            #expect(links.1.contains { $0.address == first.address && $0.prefixLength == 24 })
            #expect(links.2.contains { $0.destination.description == "0.0.0.0/0" && $0.gateway == first.gateway })

            let second = try await network.attach("demo.web.1")
            #expect(second.address?.description == "10.213.0.3")
            // They reach each other and the gateway over the bridge.
            for target in [first.address, first.gateway] {
                let target = try #require(target).description
                try await ChildProcess.check(
                    "nsenter",
                    ["--net=\(second.namespacePath)", "busybox", "ping", "-c", "1", "-W", "20", target]
                )
            }
            try await network.detach("demo.web.0")
            #expect(try await !network.check("demo.web.0"))
            #expect(try await network.check("demo.web.1"))
            try await network.detach("demo.web.1")
            // Again, and for one that never was.
            try await network.detach("demo.web.1")
            try await network.detach("never.was.0")
        }
    }

    @Test func aContainerResolvesNamesAtItsGatewayOverBothTransports() async throws {
        try await withNetwork { fixture in
            let attachment = try await fixture.network.attach("asks")
            let gateway = try #require(attachment.gateway)
            let zone = Zone([Record(type: .a, name: "demo.web.stellar", value: "10.213.0.9")])
            let nameserver = Nameserver(
                NameserverConfiguration(address: gateway, upstreams: []),
                zone: { zone },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            #expect(try await nameserver.start() == 53)
            for transport in ["+notcp", "+tcp"] {
                let response = try await ChildProcess.check(
                    "nsenter",
                    [
                        "--net=\(attachment.namespacePath)", "dig", "@\(gateway)", transport, "+short", "+tries=1",
                        "demo.web.stellar",
                    ]
                )
                #expect(response == "10.213.0.9\n")
            }
            await nameserver.stop()
            try await fixture.network.detach("asks")
        }
    }

    /// One set of rules for the node: a container adds none, and missing ones are restored.
    @Test func rulesBelongToTheNode() async throws {
        func rules() async throws -> [String] {
            let saved = try await ChildProcess.check("iptables-save", ["-t", "nat"])
            return FirewallTables(saved).nat.rules.filter { $0.contains("10.213.0.") || $0.contains(Self.bridgeName) }
        }
        try await withNetwork { fixture in
            let network = fixture.network
            let whole = try await rules()
            #expect(whole.first == "POSTROUTING -s 10.213.0.0/24 -j STELLAR-\(Self.bridgeName)")
            #expect(whole.last == "STELLAR-\(Self.bridgeName) -j MASQUERADE")
            _ = try await network.attach("some")
            #expect(try await rules() == whole)
            for damage in [
                ["-F", "STELLAR-\(Self.bridgeName)"],
                ["-D", "POSTROUTING"] + ["-s", "10.213.0.0/24", "-j", "STELLAR-\(Self.bridgeName)"],
                ["-A", "POSTROUTING", "-s", "10.213.4.0/24", "-j", "STELLAR-\(Self.bridgeName)"],
            ] {
                try await ChildProcess.check("iptables", ["-t", "nat"] + damage)
                try await network.repair()
                #expect(try await rules().sorted() == whole.sorted(), "after \(damage)")
            }
            try await network.detach("some")
        }
    }

    @Test func manyContainersAttachAtOnce() async throws {
        try await withNetwork { fixture in
            let network = fixture.network
            let addresses = try await withThrowingTaskGroup(of: IPv4Address?.self) { group in
                for index in 0..<10 { group.addTask { try await network.attach("many.web.\(index)").address } }
                return try await group.reduce(into: Set<IPv4Address?>()) { $0.insert($1) }
            }
            #expect(addresses.count == 10)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<10 { group.addTask { try await network.detach("many.web.\(index)") } }
                try await group.waitForAll()
            }
        }
    }

    @Test func loopbackOnlyHasNoAddress() async throws {
        try await withNetwork { fixture in
            let attachment = try await fixture.network.attach("alone", loopbackOnly: true)
            #expect(attachment.address == nil)
            let links = try await RouteSession.open(namespace: attachment.namespacePath) { try $0.links() }
            #expect(links.map(\.name) == ["lo"])
            #expect(links.allSatisfy { $0.isUp })
            #expect(try await fixture.network.check("alone"))
            #expect(try await fixture.network.attachment("alone") == attachment)
            try await fixture.network.detach("alone")
            #expect(try await !fixture.network.check("alone"))
        }
    }

    /// After a reboot, or an `umount` by hand.
    @Test func detachWorksWithoutTheNamespace() async throws {
        try await withNetwork { fixture in
            let attachment = try await fixture.network.attach("lost")
            try await NetworkNamespace.delete(at: attachment.namespacePath)
            #expect(try await !fixture.network.check("lost"))
            try await fixture.network.detach("lost")
        }
    }

    @Test func attachRestoresADeletedNamespaceWithTheSameAddress() async throws {
        try await withNetwork { fixture in
            let first = try await fixture.network.attach("again")
            try await NetworkNamespace.delete(at: first.namespacePath)
            let second = try await fixture.network.attach("again")
            #expect(second == first)
            #expect(try await fixture.network.check("again"))
            try await fixture.network.detach("again")
        }
    }

    /// The interface was deleted inside: DEL finds no address.
    @Test func detachWorksWithoutTheInterface() async throws {
        try await withNetwork { fixture in
            let attachment = try await fixture.network.attach("cut")
            try await RouteSession.open(namespace: attachment.namespacePath) { session in
                let link = try #require(try session.link(named: "eth0"))
                try session.delete(link)
            }
            #expect(try await !fixture.network.check("cut"))
            try await fixture.network.detach("cut")
        }
    }

    /// The plugin is killed at many moments of ADD; another attach completes it, and detach leaves nothing.
    @Test func aPluginKilledDuringADDIsCompletedOrUndone() async throws {
        try await withNetwork { fixture in
            let configuration = fixture.network.configuration
            let patient = fixture.network
            for attempt in 0..<24 {
                var hasty = configuration
                hasty.pluginTimeout = .milliseconds(2 + attempt)
                let network = ContainerNetwork(hasty, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                let id = "killed.\(attempt)"
                let failed = await (try? network.attach(id)) == nil
                if attempt.isMultiple(of: 3) {
                    #expect(try await patient.attach(id).address != nil, "after \(failed ? "a kill" : "success")")
                    #expect(try await patient.check(id))
                }
                try await patient.detach(id)
            }
        }
    }

    @Test func aMisbehavingPluginIsNamedAndUndone() async throws {
        try await TemporaryDirectory.with { directory in
            let hang = "sleep 1000"
            let versions =
                #"if [ "$CNI_COMMAND" = VERSION ]; then exec /usr/lib/cni/bridge; fi; "#
                + #"if [ "$CNI_COMMAND" = DEL ]; then exec /usr/lib/cni/bridge; fi; "#
            for (script, expected) in [
                ("echo garbage", "gave no CNI result but printed"), (hang, "no answer within"),
                (#"echo '{"code":11,"msg":"later"}'; exit 1"#, "later (code 11)"),
                (#"/usr/lib/cni/bridge > /dev/null; echo '{"cniVersion":"1.0.0"}'"#, "no ips returned from cni"),
            ] {
                try TemporaryDirectory.write("#!/bin/sh\n\(versions)\(script)\n".utf8, to: "\(directory)/bridge")
                chmod("\(directory)/bridge", 0o755)
                try await withNetwork(plugins: [directory], timeout: .seconds(script == hang ? 10 : 120)) { fixture in
                    let error = await #expect(throws: NetworkError.self) { try await fixture.network.attach("bad") }
                    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
                    #expect(error?.message.contains("\(directory)/bridge") == true)
                    try await fixture.network.detach("bad")
                }
            }
        }
    }

    @Test func aForeignInterfaceIsNotTaken() async throws {
        let bridge = Bridge("stltestv0", subnet: try #require(IPv4Subnet("10.213.9.0/24")))
        try await RouteSession.open { try $0.createVeth("stltestv0", peer: "stltestv1") }
        let error = await #expect(throws: NetworkError.self) { try await bridge.ensure() }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.contains("stltestv0") == true)
        await #expect(throws: NetworkError.self) { try await bridge.remove() }
        try await RouteSession.open { session in
            let link = try #require(try session.link(named: "stltestv0"))
            try session.delete(link)
            try session.delete(link)
            #expect(try session.link(named: "stltestv1") == nil)
        }
    }

    /// Containers have the address in their neighbour tables.
    @Test func theBridgeKeepsItsHardwareAddressWhateverPortsItHas() async throws {
        let bridge = Bridge("stltest2", subnet: try #require(IPv4Subnet("10.213.10.0/24")))
        try await bridge.ensure()
        func hardwareAddress() async throws -> [UInt8] {
            try await RouteSession.open { try #require(try $0.link(named: bridge.name)).hardwareAddress }
        }
        do {
            let first = try await hardwareAddress()
            try await RouteSession.open { session in
                try session.createVeth("stltestv2", peer: "stltestv3")
                let port = try #require(try session.link(named: "stltestv2"))
                // Lower than all others: a bridge without an address of its own takes it.
                try session.setHardwareAddress(of: port, to: [2, 0, 0, 0, 0, 1])
                try session.setMaster(of: port, to: try session.link(named: bridge.name))
                try session.setUp(port)
            }
            #expect(try await hardwareAddress() == first)
            try await RouteSession.open { session in
                if let port = try session.link(named: "stltestv2") { try session.delete(port) }
            }
            #expect(try await hardwareAddress() == first)
            try await bridge.remove()
        } catch {
            try? await RouteSession.open { session in
                if let port = try session.link(named: "stltestv2") { try session.delete(port) }
            }
            try? await bridge.remove()
            throw error
        }
    }

    /// The bridge may be the host's own, with the host's address; the gateway of an earlier subnet is removed.
    @Test func theBridgeLosesOnlyGatewaysOfEarlierSubnets() async throws {
        let network = try #require(IPv4Subnet("10.212.0.0/14"))
        let first = Bridge("stltest1", subnet: try #require(IPv4Subnet("10.213.8.0/24")), network: network)
        try await first.ensure()
        try await RouteSession.open { session in
            let bridge = try #require(try session.link(named: first.name))
            // A gateway of the same cluster, the host's own, and one in the cluster that is not a gateway.
            try session.addAddress(IPv4Address(10, 213, 7, 1), prefixLength: 24, to: bridge)
            try session.addAddress(IPv4Address(10, 210, 0, 1), prefixLength: 24, to: bridge)
            try session.addAddress(IPv4Address(10, 213, 6, 7), prefixLength: 24, to: bridge)
        }
        func addresses() async throws -> [String] {
            try await RouteSession.open { session in
                let bridge = try #require(try session.link(named: first.name))
                #expect(bridge.isUp)
                #expect(bridge.kind == "bridge")
                return try session.addresses(of: bridge).map(\.description).sorted()
            }
        }
        let second = Bridge(first.name, subnet: try #require(IPv4Subnet("10.213.9.0/24")), network: network)
        try await second.ensure()
        #expect(try await addresses() == ["10.210.0.1/24", "10.213.6.7/24", "10.213.9.1/24"])

        let smaller = Bridge(first.name, subnet: try #require(IPv4Subnet("10.213.9.0/25")), network: network)
        try await smaller.ensure()
        #expect(try await addresses() == ["10.210.0.1/24", "10.213.6.7/24", "10.213.9.1/25"])

        // Another address in the node's own subnet is an error.
        let third = Bridge(first.name, subnet: try #require(IPv4Subnet("10.213.6.0/24")), network: network)
        let error = await #expect(throws: NetworkError.self) { try await third.ensure() }
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message.contains("ip address del 10.213.6.7/24 dev stltest1") == true)
        try await first.remove()
        try await first.remove()
    }

    @Test func routesAreAddedAndDeletedRepeatably() async throws {
        let bridge = Bridge("stltest1", subnet: try #require(IPv4Subnet("10.213.8.0/24")))
        try await bridge.ensure()
        try await RouteSession.open { session in
            let subnet = try #require(IPv4Subnet("10.213.100.0/24"))
            let route = Route(destination: subnet, gateway: IPv4Address(10, 213, 8, 77))
            try session.addRoute(route)
            try session.addRoute(route)
            #expect(try session.routes().contains { $0.destination == subnet && $0.gateway == route.gateway })
            try session.deleteRoute(route)
            try session.deleteRoute(route)
            #expect(try !session.routes().contains { $0.destination == subnet })
            let error = #expect(throws: SystemCallError.self) { _ = try session.createBridge(bridge.name) }
            #expect(error?.number == EEXIST)
        }
        try await bridge.remove()
    }

    @Test func attachRestoresADeletedBridge() async throws {
        try await withNetwork { fixture in
            try await RouteSession.open { session in
                let link = try #require(try session.link(named: Self.bridgeName))
                try session.delete(link)
            }
            #expect(try await fixture.network.attach("after").address != nil)
            try await fixture.network.detach("after")
        }
    }

    /// CHECK finds the missing port.
    @Test func attachRejoinsAnUnpluggedContainer() async throws {
        try await withNetwork { fixture in
            let network = fixture.network
            let first = try await network.attach("unplugged")
            let ours = try #require(first.gateway).description
            let ping = ["--net=\(first.namespacePath)", "busybox", "ping", "-c", "1", "-W", "20", ours]
            try await ChildProcess.check("nsenter", ping)
            try await RouteSession.open { session in
                let bridge = try #require(try session.link(named: Self.bridgeName))
                for port in try session.links() where port.master == bridge.index {
                    try session.setMaster(of: port, to: nil)
                }
            }
            await #expect(throws: NetworkError.self) { try await network.verify("unplugged") }
            _ = try await network.attach("unplugged")
            try await network.verify("unplugged")
            try await ChildProcess.check("nsenter", ping)
            try await network.detach("unplugged")
        }
    }

    /// DEL always fails, as after the package was removed.
    @Test func detachWorksWithoutThePlugin() async throws {
        try await TemporaryDirectory.with { directory in
            let real = "exec /usr/lib/cni/bridge"
            for script in ["exit 1", "echo garbage; exit 1", "sleep 1000"] {
                let path = "\(directory)/bridge"
                func write(_ text: String) throws {
                    try TemporaryDirectory.write("#!/bin/sh\n\(text)\n".utf8, to: path)
                    chmod(path, 0o755)
                }
                try write("if [ \"$CNI_COMMAND\" = DEL ]; then \(script); fi; \(real)")
                try await withNetwork(plugins: [directory], timeout: .seconds(5)) { fixture in
                    #expect(try await fixture.network.attach("stays").address != nil)
                    try await fixture.network.detach("stays")
                    #expect(try await !fixture.network.check("stays"))
                    // The caller frees the address.
                    fixture.daemon.books.release("stays")
                }
            }
        }
    }

    /// The directory of the daemon may be /usr/sbin, where iproute2 has a program `bridge`.
    @Test func theDaemonsDirectoryIsSearchedForItsOwnPluginAlone() async throws {
        try await TemporaryDirectory.with { directory in
            try TemporaryDirectory.write("#!/bin/sh\nexit 9\n".utf8, to: "\(directory)/bridge")
            chmod("\(directory)/bridge", 0o755)
            try await withNetwork(ownDirectory: directory) { fixture in
                #expect(try await fixture.network.attach("right").address != nil)
                try await fixture.network.detach("right")
            }
        }
    }

    @Test func missingIptablesIsNamed() throws {
        let error = #expect(throws: NetworkError.self) { try HostPrograms.requireIptables(in: ["/nowhere", "/here"]) }
        #expect(error?.code == .failedPrecondition)
        for part in ["iptables", "/nowhere, /here", "install Debian's package iptables"] {
            #expect(error?.message.contains(part) == true)
        }
        try HostPrograms.requireIptables()
    }

    @Test(arguments: ["", "..", "a/b", "-x", ".hidden", "a b", String(repeating: "x", count: 77)])
    func invalidIDsAreRefused(id: String) async throws {
        let configuration = ContainerNetworkConfiguration(
            nodeID: "n",
            subnet: IPv4Subnet("10.213.0.0/24"),
            peerAddress: ""
        )
        let network = ContainerNetwork(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let error = await #expect(throws: NetworkError.self) { try await network.makeNamespace(id) }
        #expect(error?.code == .invalidArgument)
    }
}

/// The interfaces and rules that these tests could leave on the host. The bridges of other tests' hosts come and go meanwhile.
enum Leftovers {
    static func list() async throws -> [String] {
        let links = try await RouteSession.open { session in
            try session.links().map(\.name).filter { !$0.hasPrefix("stl") || $0.hasPrefix("stltest") }
        }
        let rules = try await ChildProcess.check("iptables", ["-t", "nat", "-S"]).split(separator: "\n").map(
            String.init
        )
        return links.map { "link \($0)" }
            + rules.filter {
                $0.contains("CNI-") || $0.contains("STELLAR-stltest")
            }
    }
}
