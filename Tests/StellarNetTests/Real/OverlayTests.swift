import Glibc
import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

/// Hosts on one bridge, or in different networks with a router between them, each with a container on a bridge of its own:
/// all of them network namespaces, the overlay by the shipped driver.
@Suite(.requires(.root, .netns, .busybox), .serialized, .timeLimit(.minutes(10)))
struct OverlayTests {
    private struct Hosts {
        var prefix: String
        var count: Int
        /// Whether each host is in a network of its own.
        var isRouted: Bool

        var hub: String { "\(prefix)hub" }
        func host(_ index: Int) -> String { "\(prefix)h\(index)" }
        func container(_ index: Int) -> String { "\(prefix)c\(index)" }
        func path(_ namespace: String) -> String { "/run/netns/\(namespace)" }

        func address(_ index: Int) -> IPv4Address {
            isRouted ? IPv4Address(10, 78, UInt8(index), 2) : IPv4Address(10, 78, 0, UInt8(index + 2))
        }

        func subnet(_ index: Int) throws -> IPv4Subnet {
            try #require(
                IPv4Subnet(containing: IPv4Address(172, 16, UInt8(index * 4), 0), prefixLength: 22)
            )
        }

        func containerAddress(_ index: Int) -> IPv4Address { IPv4Address(172, 16, UInt8(index * 4), 2) }

        func ip(_ namespace: String, _ arguments: String...) async throws {
            try await ChildProcess.check("ip", ["-n", namespace] + arguments)
        }

        func inside(_ namespace: String, _ arguments: String...) async throws -> ChildProcess.Result {
            try await ChildProcess.run("nsenter", ["--net=\(path(namespace))"] + arguments)
        }

        func make() async throws {
            for name in [hub] + (0..<count).flatMap({ [host($0), container($0)] }) {
                try await ChildProcess.check("ip", ["netns", "add", name])
                try await ip(name, "link", "set", "lo", "up")
            }
            try await ip(hub, "link", "add", "bridge", "type", "bridge")
            try await ip(hub, "link", "set", "bridge", "up")
            _ = try await inside(hub, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
            for index in 0..<count {
                try await ip(hub, "link", "add", "p\(index)", "type", "veth", "peer", "eth0", "netns", host(index))
                if isRouted {
                    try await ip(hub, "address", "add", "10.78.\(index).1/24", "dev", "p\(index)")
                } else {
                    try await ip(hub, "link", "set", "p\(index)", "master", "bridge")
                }
                try await ip(hub, "link", "set", "p\(index)", "up")
                try await ip(host(index), "address", "add", "\(address(index))/24", "dev", "eth0")
                try await ip(host(index), "link", "set", "eth0", "up")
                if isRouted { try await ip(host(index), "route", "add", "default", "via", "10.78.\(index).1") }
                _ = try await inside(host(index), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
                let bridge = Bridge("stellar0", subnet: try subnet(index))
                try await RouteSession.open(namespace: path(host(index))) { session in
                    try bridge.ensure(in: &session)
                }
                try await ip(host(index), "link", "add", "c", "type", "veth", "peer", "eth0", "netns", container(index))
                try await ip(host(index), "link", "set", "c", "master", "stellar0", "up")
                try await ip(container(index), "address", "add", "\(containerAddress(index))/22", "dev", "eth0")
                try await ip(container(index), "link", "set", "eth0", "up")
                let gateway = try #require(try subnet(index).gateway)
                try await ip(container(index), "route", "add", "default", "via", "\(gateway)")
            }
        }

        func remove() async {
            for name in (0..<count).flatMap({ [host($0), container($0)] }) + [hub] {
                _ = try? await ChildProcess.run("ip", ["netns", "delete", name])
            }
        }

        func plan(_ mode: OverlayMode, _ index: Int, without gone: Set<Int> = []) throws -> OverlayPlan {
            let peers = try (0..<count).filter { $0 != index && !gone.contains($0) }.map {
                OverlayPeer(node: "n\($0)", subnet: try subnet($0), address: address($0))
            }
            return try #require(
                OverlayPlan(mode, subnet: try subnet(index), address: address(index), peers: peers)
            )
        }

        /// Applies the plan to one host.
        @discardableResult
        func apply(_ plan: OverlayPlan, _ index: Int) async throws -> Overlay.Outcome {
            try await RouteSession.open(namespace: path(host(index))) { session in
                try Overlay(bridge: "stellar0").apply(plan, in: &session)
            }
        }

        /// Whether a ping of this size goes through; only under the container's own address, all others are dropped.
        func pings(_ from: Int, _ to: Int, bytes: Int = 56) async throws -> Bool {
            let drop = ["-A", "INPUT", "!", "-s", "\(containerAddress(from))", "-j", "DROP"]
            for (container, rule) in [(from, ["-F", "INPUT"]), (to, ["-F", "INPUT"]), (to, drop)] {
                try await ChildProcess.check(
                    "nsenter",
                    ["--net=\(path(self.container(container)))", "iptables"] + rule
                )
            }
            let result = try await inside(
                container(from),
                "busybox",
                "ping",
                "-c",
                "3",
                "-W",
                "5",
                "-s",
                "\(bytes)",
                "\(containerAddress(to))"
            )
            return result.status == 0
        }
    }

    private func with(_ count: Int, isRouted: Bool = false, _ body: (Hosts) async throws -> Void) async throws {
        let hosts = Hosts(prefix: "stlov\(getpid())", count: count, isRouted: isRouted)
        do {
            try await hosts.make()
            try await body(hosts)
        } catch {
            await hosts.remove()
            throw error
        }
        await hosts.remove()
    }

    @Test func staticRoutes() async throws {
        try await with(3) { hosts in
            for index in 0..<3 {
                let outcome = try await hosts.apply(try hosts.plan(.routes, index), index)
                #expect(outcome.hasChanged && outcome.routes.allSatisfy { $0.problem == nil }, "\(outcome)")
                let again = try await hosts.apply(try hosts.plan(.routes, index), index)
                #expect(!again.hasChanged)
            }
            for (from, to) in [(0, 1), (1, 2), (2, 0)] { #expect(try await hosts.pings(from, to)) }
            // A host asks a container of another one under its gateway's address, which is answered.
            let asked = try await hosts.inside(
                hosts.host(1),
                "ip",
                "-o",
                "route",
                "get",
                "\(hosts.containerAddress(2))"
            )
            #expect(asked.output.contains("src 172.16.4.1"), "\(asked.output)")
            // Withdrawn when the node is forgotten, and nothing else is.
            try await hosts.ip(hosts.host(0), "route", "add", "192.168.77.0/24", "via", "\(hosts.address(1))")
            try await hosts.apply(try hosts.plan(.routes, 0, without: [2]), 0)
            let left = try await hosts.inside(hosts.host(0), "ip", "route").output
            #expect(!left.contains("172.16.8.0/22") && left.contains("172.16.4.0/22"), "\(left)")
            #expect(left.contains("192.168.77.0/24"), "\(left)")
        }
    }

    /// Somebody's own route to a node's subnet stays, and is told of.
    @Test func aForeignRouteIsLeftAlone() async throws {
        try await with(2) { hosts in
            try await hosts.ip(hosts.host(0), "route", "add", "172.16.4.0/22", "via", "10.78.0.99")
            let outcome = try await hosts.apply(try hosts.plan(.routes, 0), 0)
            #expect(outcome.routes.first?.problem?.contains("via 10.78.0.99") == true, "\(outcome)")
            let left = try await hosts.inside(hosts.host(0), "ip", "route", "show", "172.16.4.0/22").output
            #expect(left.contains("via 10.78.0.99"))
        }
    }

    /// Between networks `routes` cannot work, and says so; `vxlan` does, up to the size that fits.
    @Test func tunnelsAcrossARouter() async throws {
        try await with(3, isRouted: true) { hosts in
            let refused = try await hosts.apply(try hosts.plan(.routes, 0), 0)
            #expect(refused.routes.allSatisfy { $0.problem?.contains("`vxlan` does not") == true }, "\(refused)")

            let mode = OverlayMode.vxlan(networkID: 4242, port: 4789)
            for index in 0..<3 {
                let outcome = try await hosts.apply(try hosts.plan(mode, index), index)
                #expect(outcome.mtu == 1450 && outcome.routes.allSatisfy { $0.problem == nil }, "\(outcome)")
                let again = try await hosts.apply(try hosts.plan(mode, index), index)
                #expect(!again.hasChanged, "\(again)")
                for (host, link) in [(hosts.host(index), "c"), (hosts.container(index), "eth0")] {
                    try await hosts.ip(host, "link", "set", link, "mtu", "1450")
                }
            }
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                #expect(try await hosts.pings(from, to))
                // 1422 and 28 of headers: whole packets, none in pieces.
                #expect(try await hosts.pings(from, to, bytes: 1422))
            }
            // A node that is forgotten leaves no entry; the device goes with the mode.
            try await hosts.apply(try hosts.plan(mode, 0, without: [2]), 0)
            let entries = try await hosts.inside(hosts.host(0), "bridge", "fdb", "show", "dev", "vx-stellar0").output
            #expect(entries.contains("dst 10.78.1.2") && !entries.contains("dst 10.78.2.2"), "\(entries)")
            #expect(try await !hosts.pings(0, 2))
            #expect(try await hosts.apply(try hosts.plan(.routes, 0), 0).hadTunnel)
            #expect(try await !hosts.inside(hosts.host(0), "ip", "link").output.contains("vx-stellar0"))
        }
    }

    /// The device is made anew with other settings, and stays as it is otherwise; another's of the same number is named.
    @Test func theDeviceFollowsItsSettings() async throws {
        try await with(2) { hosts in
            func index() async throws -> Int32 {
                try await RouteSession.open(namespace: hosts.path(hosts.host(0))) { session in
                    try #require(try session.link(named: "vx-stellar0")).index
                }
            }
            try await hosts.apply(try hosts.plan(.vxlan(networkID: 1, port: 4789), 0), 0)
            let first = try await index()
            try await hosts.ip(hosts.host(0), "link", "set", "vx-stellar0", "down")
            try await hosts.apply(try hosts.plan(.vxlan(networkID: 1, port: 4789), 0), 0)
            #expect(try await index() == first)
            try await hosts.apply(try hosts.plan(.vxlan(networkID: 2, port: 4789), 0), 0)
            #expect(try await index() != first)
            try await hosts.ip(
                hosts.host(0),
                "link",
                "add",
                "other",
                "type",
                "vxlan",
                "id",
                "3",
                "dstport",
                "4789",
                "local",
                "10.78.0.2"
            )
            let error = await #expect(throws: (any Error).self) {
                try await hosts.apply(try hosts.plan(.vxlan(networkID: 3, port: 4789), 0), 0)
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains("VXLANID"), "\(error.map { "\($0)" } ?? "")")
        }
    }
}
