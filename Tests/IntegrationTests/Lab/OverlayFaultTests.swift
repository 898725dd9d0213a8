import FoundationEssentials
import StellarTestKit
import Testing

/// Subnets of nodes and the routes between their containers, on real daemons and containers.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(60)))
struct OverlayFaultTests {
    /// In both modes a container reaches containers of other nodes with its own address as the source, and the world with its
    /// host's.
    @Test(arguments: ["routes", "vxlan"])
    func containersReachEachOtherAcrossNodes(_ overlay: String) async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form(["--overlay", overlay])
            for node in cluster.nodes { try await node.holdsASubnet() }
            for node in cluster.nodes { try await node.runs(image) }
            for from in cluster.nodes {
                for to in cluster.nodes where from !== to {
                    try await eventually("\(from.name) reaches \(to.name) with its own address") {
                        try await from.reaches(to) ? true : nil
                    }
                }
                // The hub has no route to containers: it responds only to the addresses of hosts.
                let world = try await from.exec("\(from.name).main.0", "ping", "-c", "1", "-W", "5", "10.77.0.254")
                #expect(world.status == 0, "\(world)")
            }
            let first = cluster.nodes[0]
            let listed = try await first.network()
            #expect(listed.claims.count == 3 && Set(listed.claims.map(\.cidr)).count == 3, "\(listed)")
            #expect(listed.claims.allSatisfy { $0.state == "held" && $0.overlay == overlay }, "\(listed)")
            #expect(listed.claims.allSatisfy { $0.route == nil || $0.route?.problem == nil }, "\(listed)")
            if overlay == "vxlan" {
                let interface = try await first.exec("\(first.name).main.0", "cat", "/sys/class/net/eth0/mtu")
                #expect(interface.output == "1450\n", "\(interface)")
            }
            for node in cluster.nodes { try await node.sctl("apps", "delete", node.name) }
            try await isForgottenAndBack(cluster.nodes[2], in: cluster)
            try await isRemoved(cluster.nodes[1])
        }
    }

    /// The other nodes remove everything of a forgotten node, and have it again when the node comes back.
    private func isForgottenAndBack(_ forgotten: StellarCluster.Node, in cluster: StellarCluster) async throws {
        let first = cluster.nodes[0]
        try await cluster.haveRoutes()
        let (before, subnet) = (try await first.leftovers(), try await forgotten.ownSubnet())
        #expect(before.contains(subnet) && before.contains(forgotten.address), "\(before)")
        await forgotten.stop()
        try await first.sees([(forgotten, "left")])
        #expect(try await first.leftovers() == before)
        try await first.sctl("cluster", "forget", forgotten.name)
        try await eventually("nothing of \(forgotten.name) is left") {
            let now = try await first.leftovers()
            return !now.contains(subnet) && !now.contains(forgotten.address) ? true : nil
        }
        try await forgotten.start()
        // No other node took its subnet.
        try await eventually("it has its former subnet") { try await forgotten.ownSubnet() == subnet ? true : nil }
        try await eventually("the leftovers are as before") { try await first.leftovers() == before ? true : nil }
    }

    /// A stopped daemon leaves bridge, rules and routes on purpose; the commands of `Docs/Networking.md` remove them.
    private func isRemoved(_ node: StellarCluster.Node) async throws {
        let before = try await node.leftovers()
        #expect(await node.stop() == 0)
        #expect(try await node.leftovers() == before)
        let steps = """
            for link in vx-stellar0 stellar0; do ! ip link show $link || ip link delete $link; done
            iptables-save | grep -v STELLAR-stellar0 | iptables-restore
            ! mountpoint -q "$0" || umount "$0"
            """
        let done = try await node.inside("sh", "-ec", steps, "\(node.stateDirectory)/ns")
        #expect(done.status == 0, "\(done)")
        let left = try await node.leftovers().split(separator: "\n").filter { !$0.hasPrefix("address: eth0 ") }
        #expect(left == [], "\(left)")
        let links = try await node.inside("ip", "-o", "link").output
        #expect(!links.contains("stellar0"), "\(links)")
    }

    /// A pulled cable and a dead daemon change no route; a forget removes it. The daemon restores a flushed firewall.
    @Test func routesStayUntilANodeIsForgotten() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            for node in cluster.nodes { try await node.holdsASubnet() }
            let subnets = [try await second.ownSubnet(), try await third.ownSubnet()]
            func installed() async throws -> [Bool] {
                let table = try await first.inside("ip", "route", "show", "proto", "83").output
                return subnets.map { table.contains($0) }
            }
            try await eventually("both routes are installed") { try await installed() == [true, true] ? true : nil }
            try await second.unplug()
            third.kill()
            try await first.sees([(second, "dead"), (third, "dead")])
            #expect(try await installed() == [true, true])
            try await second.replug()
            try await first.sees([(second, "alive")])
            #expect(try await installed() == [true, true])
            // A node that comes back with another address is reached there.
            try await third.move(to: "10.77.0.77")
            try await third.start()
            try await eventually("the route leads to the new address") {
                let table = try await first.inside("ip", "route", "show", subnets[1]).output
                return table.contains("via 10.77.0.77") ? true : nil
            }
            #expect(try await third.ownSubnet() == subnets[1])
            third.kill()
            try await first.sees([(third, "dead")])
            try await first.sctl("cluster", "forget", third.name)
            try await eventually("the route is withdrawn") { try await installed() == [true, false] ? true : nil }
            #expect(try await first.network().claims.count == 2)

            let rule = ["-s", try await first.ownSubnet(), "-j", "STELLAR-stellar0"]
            _ = try await first.inside("iptables", "-t", "nat", "-F")
            _ = try await first.inside("iptables", "-P", "FORWARD", "DROP")
            try await eventually("the firewall rules are restored", within: .seconds(120)) {
                let check = [
                    "nsenter", "--net=/run/netns/\(first.namespace)", "iptables", "-t", "nat", "-C", "POSTROUTING",
                ]
                let masquerade = try await ChildProcess.run(check[0], Array(check.dropFirst()) + rule).status
                let forward = try await first.inside("iptables", "-C", "FORWARD", "-j", "STELLAR-stellar0").status
                return masquerade == 0 && forward == 0 ? true : nil
            }
        }
    }

    /// Two nodes that do not know each other take the same subnet. When they meet, one keeps it, and the other's containers move.
    @Test func aSubnetConflictEndsWithDifferentSubnets() async throws {
        try await StellarCluster.with(2, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            for node in cluster.nodes {
                try await node.start()
                try await node.holdsASubnet()
                try await node.runs(image)
            }
            let shared = try await cluster.nodes[0].ownSubnet()
            #expect(try await cluster.nodes[1].ownSubnet() == shared)
            for node in cluster.nodes { await node.stop() }
            for (node, other) in zip(cluster.nodes, cluster.nodes.reversed()) {
                node.flags = ["--peer", other.address]
                try await node.start()
            }
            try await eventually("each has a subnet of its own", within: .seconds(180)) {
                let subnets = [try await cluster.nodes[0].ownSubnet(), try await cluster.nodes[1].ownSubnet()]
                return subnets[0] != subnets[1] && !subnets.contains("") ? true : nil
            }
            for (from, to) in [(0, 1), (1, 0)] {
                try await eventually("\(from) reaches \(to)", within: .seconds(180)) {
                    try await cluster.nodes[from].reaches(cluster.nodes[to]) ? true : nil
                }
            }
            for node in cluster.nodes {
                let bridge = try await node.inside("ip", "-o", "-4", "address", "show", "stellar0").output
                #expect(bridge.split(separator: "\n").count == 1, "\(bridge)")
                try await node.sctl("apps", "delete", node.name)
            }
        }
    }

    /// Nodes that join on the two sides of a split take one subnet. After the split the younger claim yields: the containers of that
    /// node move, and their names follow. The other containers are not touched, and each address exists once.
    @Test func theYoungerClaimYieldsAfterASplit() async throws {
        try await StellarCluster.with(4, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (first, second, older, younger) =
                (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2], cluster.nodes[3])
            second.flags = ["--peer", first.address]
            for node in [first, second] { try await node.start() }
            for node in [first, second] { try await node.holdsASubnet() }
            // The registry is on the first node's side.
            let containerd = try #require(younger.containerd)
            let pull = ["images", "pull", "--plain-http", image]
            let pulled = try await ChildProcess.run(
                younger.wrapper[0],
                Array(younger.wrapper.dropFirst())
                    + ["ctr", "-a", containerd.address, "-n", younger.containerdNamespace] + pull
            )
            #expect(pulled.status == 0, "\(pulled)")
            try await cluster.split([[second, younger]])
            for (node, peer) in [(older, first), (younger, second)] {
                node.flags = ["--peer", peer.address]
                try await node.start()
                try await node.holdsASubnet()
                try await node.runs(image)
            }
            let shared = try await older.ownSubnet()
            #expect(try await younger.ownSubnet() == shared)
            let address = try await older.address(of: "\(older.name).main.0")
            #expect(try await younger.address(of: "\(younger.name).main.0") == address)
            let tasks = try await older.ctr("tasks", "ls")

            try await cluster.heal()
            try await cluster.seeEachOther()
            try await eventually("the node with the younger claim has another subnet", within: .seconds(180)) {
                let subnet = try await younger.ownSubnet()
                return subnet.isEmpty || subnet == shared ? nil : true
            }
            #expect(try await older.ownSubnet() == shared)
            try await cluster.haveRoutes()
            for (from, to) in [(older, younger), (younger, older)] {
                try await eventually("\(from.name) reaches \(to.name)", within: .seconds(180)) {
                    try await from.reaches(to) ? true : nil
                }
            }
            for node in [older, younger] { try await cluster.resolves(node.name) }
            let addresses = try await cluster.addresses(of: [older.name, younger.name])
            #expect(addresses["\(older.name).main.0"] == address, "\(addresses)")
            #expect(try await older.ctr("tasks", "ls") == tasks)
            let bridge = try await younger.inside("ip", "-o", "-4", "address", "show", "stellar0").output
            #expect(bridge.split(separator: "\n").count == 1, "\(bridge)")
            for node in [older, younger] { try await node.sctl("apps", "delete", node.name) }
        }
    }

    /// Nodes that join at the same instant get different subnets, without a coordinator.
    @Test func manyJoinersGetDifferentSubnets() async throws {
        try await Soak.rounds(1) { _ in
            try await StellarCluster.with(5) { cluster in
                for node in cluster.nodes {
                    node.flags = node === cluster.nodes[0] ? [] : ["--peer", cluster.nodes[0].address]
                    try node.launch()
                }
                for node in cluster.nodes { try await node.responds() }
                for node in cluster.nodes { try await node.holdsASubnet() }
                for node in cluster.nodes {
                    try await eventually("\(node.name) lists all claims") {
                        let claims = try await node.network().claims
                        return claims.count == 5 && claims.allSatisfy { $0.state == "held" } ? true : nil
                    }
                }
            }
        }
    }
}

/// The output of `sctl network inspect --output json`.
private struct ListedNetwork: Decodable {
    struct Claim: Decodable {
        struct Route: Decodable {
            var problem: String?
        }
        var node: String
        var cidr: String
        var state: String
        var overlay: String?
        var route: Route?
    }
    var claims: [Claim] = []
    var waiting: String?

    enum CodingKeys: String, CodingKey { case claims, waiting }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        claims = try values.decodeIfPresent([Claim].self, forKey: .claims) ?? []
        waiting = try values.decodeIfPresent(String.self, forKey: .waiting)
    }
}

extension StellarCluster.Node {
    fileprivate func network() async throws -> ListedNetwork {
        let text = try await sctl("network", "inspect", "--output", "json")
        return try JSONDecoder().decode(ListedNetwork.self, from: Data(text.utf8))
    }

    /// The subnet that containers can start in; empty without one.
    fileprivate func ownSubnet() async throws -> String {
        let network = try await network()
        guard network.waiting == nil else { return "" }
        return network.claims.first { $0.node == name && $0.state == "held" }?.cidr ?? ""
    }

    fileprivate func holdsASubnet() async throws {
        try await eventually("\(name) holds a subnet", within: .seconds(120), every: .milliseconds(200)) {
            try await ownSubnet().isEmpty ? nil : true
        }
    }

    /// Creates an app with one container on the node, named after the node.
    fileprivate func runs(_ image: String) async throws {
        let place = #", "placement_preference": {"node_ids": ["\#(name)"]}"#
        let app = shellApp(name, image, "sleep 100000", place)
        try await sctl("apps", "create", "-f", try file("app.json", app))
    }

    /// Whether a ping of this node's container arrives at the other's with its own address; the receiver drops pings from any other
    /// address.
    fileprivate func reaches(_ other: StellarCluster.Node) async throws -> Bool {
        func address(_ node: StellarCluster.Node) async throws -> String {
            let shown = try await node.exec("\(node.name).main.0", "ip", "-4", "-o", "address", "show", "dev", "eth0")
            let words = shown.output.split(separator: " ")
            guard let place = words.firstIndex(of: "inet"), place + 1 < words.count else { return "" }
            return String(words[place + 1].prefix { $0 != "/" })
        }
        let (mine, theirs) = (try await address(self), try await address(other))
        guard !mine.isEmpty, !theirs.isEmpty else { return false }
        let inside = "--net=\(other.directory)/state/ns/\(other.name).main.0/net"
        let rule = ["INPUT", "-p", "icmp", "--icmp-type", "echo-request", "!", "-s", mine, "-j", "DROP"]
        _ = try await ChildProcess.run("nsenter", [inside, "iptables", "-I"] + rule)
        let result = try await exec("\(name).main.0", "ping", "-c", "1", "-W", "5", theirs)
        _ = try await ChildProcess.run("nsenter", [inside, "iptables", "-D"] + rule)
        return result.status == 0
    }
}
