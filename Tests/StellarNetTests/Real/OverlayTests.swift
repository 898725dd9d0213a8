import Glibc
import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

/// Hosts on one bridge, or in different networks with a router between them, each with a container on a bridge of its own. All
/// are network namespaces, and ``Overlay`` makes the overlay.
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

        /// - Parameters:
        ///   - mtus: the MTU that each host reports of its link; empty for none.
        ///   - moved: hosts with another address.
        func plan(
            _ mode: OverlayMode,
            _ index: Int,
            without forgotten: Set<Int> = [],
            mtus: [UInt32] = [],
            moved: [Int: IPv4Address] = [:]
        ) throws -> OverlayPlan {
            func mtu(_ index: Int) -> UInt32? { mtus.isEmpty ? nil : mtus[index] }
            let peers = try (0..<count).filter { $0 != index && !forgotten.contains($0) }.map {
                OverlayPeer(node: "n\($0)", subnet: try subnet($0), address: moved[$0] ?? address($0), mtu: mtu($0))
            }
            let own = moved[index] ?? address(index)
            return try #require(
                OverlayPlan(mode, subnet: try subnet(index), address: own, mtu: mtu(index), peers: peers)
            )
        }

        /// Sets the MTU of the host's link, at both ends.
        func setLink(_ index: Int, mtu: UInt32) async throws {
            try await ip(hub, "link", "set", "p\(index)", "mtu", "\(mtu)")
            try await ip(host(index), "link", "set", "eth0", "mtu", "\(mtu)")
        }

        /// Sends bytes to the other container over TCP; returns how many arrive.
        func transfer(_ from: Int, _ to: Int, bytes: Int) async throws -> Int? {
            _ = try await inside(container(to), "iptables", "-F", "INPUT")
            // Either end of busybox's nc closes when its input or the other end ends, so the input of one never does.
            let script = """
                dir=$(mktemp -d) && trap 'rm -r "$dir"' EXIT && mkfifo "$dir/never" && exec 3<> "$dir/never"
                nsenter --net=$1 timeout 60 busybox nc -l -p 7777 <&3 | wc -c &
                for _ in $(seq 200); do
                    head -c $3 /dev/zero | nsenter --net=$0 timeout 60 busybox nc $2 7777 > /dev/null 2>&1 && break
                    sleep 0.1
                done
                wait
                """
            let places = [path(container(from)), path(container(to)), "\(containerAddress(to))", "\(bytes)"]
            let count = try await ChildProcess.check("sh", ["-c", script] + places)
            return Int(count.filter { $0.isNumber })
        }

        /// Applies the plan to one host.
        @discardableResult
        func apply(_ plan: OverlayPlan, _ index: Int) async throws -> Overlay.Outcome {
            try await RouteSession.open(namespace: path(host(index))) { session in
                try Overlay(bridge: "stellar0").apply(plan, in: &session)
            }
        }

        /// Whether a ping of this size arrives under the container's own address; others are dropped.
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
                "-A",
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

    @Test func staticRoutesConnectContainersAndEndWhenANodeIsForgotten() async throws {
        try await with(3) { hosts in
            for index in 0..<3 {
                let outcome = try await hosts.apply(try hosts.plan(.routes, index), index)
                #expect(outcome.hasChanged && outcome.routes.allSatisfy { $0.problem == nil }, "\(outcome)")
                let again = try await hosts.apply(try hosts.plan(.routes, index), index)
                #expect(!again.hasChanged)
            }
            for (from, to) in [(0, 1), (1, 2), (2, 0)] { #expect(try await hosts.pings(from, to)) }
            // A host's own packets to another host's container have its gateway as source, which has a route back.
            let route = try await hosts.inside(
                hosts.host(1),
                "ip",
                "-o",
                "route",
                "get",
                "\(hosts.containerAddress(2))"
            )
            #expect(route.output.contains("src 172.16.4.1"), "\(route.output)")
            // Its route is removed when the node is forgotten, and no other.
            try await hosts.ip(hosts.host(0), "route", "add", "192.168.77.0/24", "via", "\(hosts.address(1))")
            try await hosts.apply(try hosts.plan(.routes, 0, without: [2]), 0)
            let left = try await hosts.inside(hosts.host(0), "ip", "route").output
            #expect(!left.contains("172.16.8.0/22") && left.contains("172.16.4.0/22"), "\(left)")
            #expect(left.contains("192.168.77.0/24"), "\(left)")
        }
    }

    /// Another program's route to a node's subnet stays, and is reported.
    @Test func aForeignRouteIsLeftAlone() async throws {
        try await with(2) { hosts in
            try await hosts.ip(hosts.host(0), "route", "add", "172.16.4.0/22", "via", "10.78.0.99")
            let outcome = try await hosts.apply(try hosts.plan(.routes, 0), 0)
            #expect(outcome.routes.first?.problem?.contains("via 10.78.0.99") == true, "\(outcome)")
            let left = try await hosts.inside(hosts.host(0), "ip", "route", "show", "172.16.4.0/22").output
            #expect(left.contains("via 10.78.0.99"))
        }
    }

    /// One host's link carries smaller packets than the others. All packets of its containers arrive, in fragments if needed.
    @Test(arguments: [OverlayMode.routes, .vxlan(networkID: 4243, port: 4789)])
    func packetsTooLargeForALinkArrive(_ mode: OverlayMode) async throws {
        try await with(2) { hosts in
            var mtus: [UInt32] = [1500, 1400]
            try await hosts.setLink(1, mtu: 1400)
            for index in 0..<2 {
                let outcome = try await hosts.apply(try hosts.plan(mode, index, mtus: mtus), index)
                #expect(outcome.routes.allSatisfy { $0.problem == nil }, "\(outcome)")
                #expect(try await !hosts.apply(try hosts.plan(mode, index, mtus: mtus), index).hasChanged)
                if mode == .routes {
                    #expect(outcome.mtu == nil)
                    let table = try await hosts.inside(hosts.host(index), "ip", "route", "show", "proto", "83").output
                    let narrow = table.split(separator: "\n").filter { $0.contains("mtu 1400") }
                    // The host with the small link needs no MTU in its routes.
                    #expect(narrow.count == (index == 1 ? 0 : 1), "\(table)")
                } else {
                    #expect(outcome.mtu == 1350)
                    for (host, link) in [(hosts.host(index), "c"), (hosts.container(index), "eth0")] {
                        try await hosts.ip(host, "link", "set", link, "mtu", "1350")
                    }
                }
            }
            for (from, to) in [(0, 1), (1, 0)] {
                for bytes in [1300, 1450, 4000] { #expect(try await hosts.pings(from, to, bytes: bytes)) }
                #expect(try await hosts.transfer(from, to, bytes: 2_000_000) == 2_000_000)
            }
            guard mode != .routes else { return }
            // Each call reads this host's link, and the MTUs that the others report.
            try await hosts.setLink(0, mtu: 1300)
            mtus[0] = 1300
            #expect(try await hosts.apply(try hosts.plan(mode, 0, mtus: mtus), 0).mtu == 1250)
            #expect(try await hosts.apply(try hosts.plan(mode, 1, mtus: mtus), 1).mtu == 1250)
            try await hosts.setLink(0, mtu: 1500)
            #expect(try await hosts.apply(try hosts.plan(mode, 0, without: [1]), 0).mtu == 1450)
        }
    }

    /// The host's own device and the others' entries follow its new address, and none has the former.
    @Test(arguments: [OverlayMode.routes, .vxlan(networkID: 4244, port: 4789)])
    func theOverlayFollowsAHostsNewAddress(_ mode: OverlayMode) async throws {
        try await with(2) { hosts in
            for index in 0..<2 {
                try await hosts.apply(try hosts.plan(mode, index), index)
                guard mode != .routes else { continue }
                try await hosts.ip(hosts.container(index), "link", "set", "eth0", "mtu", "1450")
            }
            #expect(try await hosts.pings(0, 1))
            try await hosts.ip(hosts.host(1), "address", "flush", "dev", "eth0")
            try await hosts.ip(hosts.host(1), "address", "add", "10.78.0.99/24", "dev", "eth0")
            let moved = [1: IPv4Address(10, 78, 0, 99)]
            for index in 0..<2 { try await hosts.apply(try hosts.plan(mode, index, moved: moved), index) }
            for (from, to) in [(0, 1), (1, 0)] { #expect(try await hosts.pings(from, to)) }
            let table = try await hosts.inside(hosts.host(0), "ip", "route").output
            let entries = try await hosts.inside(hosts.host(0), "bridge", "fdb", "show").output
            #expect(!(table + entries).contains("\(hosts.address(1))"), "\(table)\(entries)")
        }
    }

    /// Between networks `routes` fails with the reason; `vxlan` works, up to the size that fits.
    @Test func vxlanConnectsNetworksAcrossARouter() async throws {
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
                // 1422 and 28 of headers: whole packets, no fragments.
                #expect(try await hosts.pings(from, to, bytes: 1422))
            }
            // A forgotten node leaves no entry; mode `routes` has no device.
            try await hosts.apply(try hosts.plan(mode, 0, without: [2]), 0)
            let entries = try await hosts.inside(hosts.host(0), "bridge", "fdb", "show", "dev", "vx-stellar0").output
            #expect(entries.contains("dst 10.78.1.2") && !entries.contains("dst 10.78.2.2"), "\(entries)")
            #expect(try await !hosts.pings(0, 2))
            #expect(try await hosts.apply(try hosts.plan(.routes, 0), 0).hadTunnel)
            #expect(try await !hosts.inside(hosts.host(0), "ip", "link").output.contains("vx-stellar0"))
        }
    }

    @Test func conflictsAreNamedWithTheFix() async throws {
        try await with(2) { hosts in
            let mode = OverlayMode.vxlan(networkID: 5, port: 4790)
            func refusal() async throws -> String {
                let error = await #expect(throws: (any Error).self) {
                    try await hosts.apply(try hosts.plan(mode, 0), 0)
                }
                return "\(error.map { "\($0)" } ?? "")"
            }
            // A device for every id has the port alone.
            let other = ["link", "add", "other", "type", "vxlan", "external", "dstport", "4790"]
            try await ChildProcess.check("ip", ["-n", hosts.host(0)] + other)
            try await hosts.ip(hosts.host(0), "link", "set", "other", "up")
            let taken = try await refusal()
            #expect(taken.contains("UDP port 4790") && taken.contains("VXLANPort"), "\(taken)")
            try await hosts.ip(hosts.host(0), "link", "delete", "other")
            #expect(try await hosts.apply(try hosts.plan(mode, 0), 0).routes.allSatisfy { $0.problem == nil })
            // Another interface has the device's name.
            try await hosts.ip(hosts.host(0), "link", "delete", "vx-stellar0")
            try await hosts.ip(hosts.host(0), "link", "add", "vx-stellar0", "type", "bridge")
            let named = try await refusal()
            #expect(named.contains("interface vx-stellar0") && named.contains("bridge"), "\(named)")
            try await hosts.ip(hosts.host(0), "link", "delete", "vx-stellar0")
            // No interface has the host's address.
            try await hosts.ip(hosts.host(0), "address", "flush", "dev", "eth0")
            let nowhere = try await refusal()
            #expect(nowhere.contains("10.78.0.2 is on no interface"), "\(nowhere)")
        }
    }

    /// Another id replaces the device, and switching it on does not; another program's device with the id is named.
    @Test func theDeviceIsReplacedWhenItsSettingsChange() async throws {
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
            let text = "\(error.map { "\($0)" } ?? "")"
            #expect(text.contains("device other of another program") && text.contains("VXLANID"), "\(text)")
        }
    }
}
