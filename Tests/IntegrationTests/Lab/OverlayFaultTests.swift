import FoundationEssentials
import StellarTestKit
import Testing

/// Subnets of nodes and the ways between their containers, on real daemons and containers.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(60)))
struct OverlayFaultTests {
    /// In both modes a container on any node reaches a container on any other under its own address, and the world under its
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
                    try await eventually("\(from.name) reaches \(to.name) under its own address") {
                        try await from.reaches(to) ? true : nil
                    }
                }
                // The hub knows no way back to a container: it answers whom it can see.
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
            try await isTakenAway(cluster.nodes[1])
        }
    }

    /// What the others have of a node goes when it is forgotten, all of it, and is there again when it comes back.
    private func isForgottenAndBack(_ gone: StellarCluster.Node, in cluster: StellarCluster) async throws {
        let first = cluster.nodes[0]
        try await cluster.haveWays()
        let (before, subnet) = (try await first.leftovers(), try await gone.ownSubnet())
        #expect(before.contains(subnet) && before.contains(gone.address), "\(before)")
        await gone.stop()
        try await first.sees([(gone, "left")])
        #expect(try await first.leftovers() == before)
        try await first.sctl("cluster", "forget", gone.name)
        try await eventually("nothing of \(gone.name) is left") {
            let now = try await first.leftovers()
            return !now.contains(subnet) && !now.contains(gone.address) ? true : nil
        }
        try await gone.start()
        // Nobody took its place.
        try await eventually("it has its former subnet") { try await gone.ownSubnet() == subnet ? true : nil }
        try await eventually("all is as before") { try await first.leftovers() == before ? true : nil }
    }

    /// What a daemon leaves on purpose when it stops, and how it goes: as `Docs/Networking.md` has it.
    private func isTakenAway(_ node: StellarCluster.Node) async throws {
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

    /// A pulled cable and a dead daemon change no route; being forgotten does. Somebody's flushed firewall is mended.
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
            try await eventually("both routes are there") { try await installed() == [true, true] ? true : nil }
            try await second.unplug()
            third.kill()
            try await first.sees([(second, "dead"), (third, "dead")])
            #expect(try await installed() == [true, true])
            try await second.replug()
            try await first.sees([(second, "alive")])
            #expect(try await installed() == [true, true])
            // One that comes back under another address is found there.
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
            try await eventually("the firewall is mended", within: .seconds(120)) {
                let check = [
                    "nsenter", "--net=/run/netns/\(first.namespace)", "iptables", "-t", "nat", "-C", "POSTROUTING",
                ]
                let masquerade = try await ChildProcess.run(check[0], Array(check.dropFirst()) + rule).status
                let forward = try await first.inside("iptables", "-C", "FORWARD", "-j", "STELLAR-stellar0").status
                return masquerade == 0 && forward == 0 ? true : nil
            }
        }
    }

    /// Two that never heard of each other took the same subnet. When they meet, one keeps it, and the other's containers move.
    @Test func nodesThatMeetEndApart() async throws {
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

    /// Nodes that join on the two sides of a split take one subnet. When it is healed, the younger claim yields: that node's
    /// containers move, their names follow, the others' are not touched, and no address is there twice.
    @Test func whatBothSidesOfASplitTookIsSettled() async throws {
        try await StellarCluster.with(4, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (first, second, older, younger) =
                (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2], cluster.nodes[3])
            second.flags = ["--peer", first.address]
            for node in [first, second] { try await node.start() }
            for node in [first, second] { try await node.holdsASubnet() }
            // The registry is on the first one's side.
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
            try await eventually("the younger one has another subnet", within: .seconds(180)) {
                let subnet = try await younger.ownSubnet()
                return subnet.isEmpty || subnet == shared ? nil : true
            }
            #expect(try await older.ownSubnet() == shared)
            try await cluster.haveWays()
            for (from, to) in [(older, younger), (younger, older)] {
                try await eventually("\(from.name) reaches \(to.name)", within: .seconds(180)) {
                    try await from.reaches(to) ? true : nil
                }
            }
            for node in [older, younger] { try await cluster.answer(for: node.name) }
            let addresses = try await cluster.addresses(of: [older.name, younger.name])
            #expect(addresses["\(older.name).main.0"] == address, "\(addresses)")
            #expect(try await older.ctr("tasks", "ls") == tasks)
            let bridge = try await younger.inside("ip", "-o", "-4", "address", "show", "stellar0").output
            #expect(bridge.split(separator: "\n").count == 1, "\(bridge)")
            for node in [older, younger] { try await node.sctl("apps", "delete", node.name) }
        }
    }

    /// Nobody is in charge, and no two that join in the same instant get one subnet.
    @Test func manyThatJoinAtOnceGetDifferentSubnets() async throws {
        try await Soak.rounds(1) { _ in
            try await StellarCluster.with(5) { cluster in
                for node in cluster.nodes {
                    node.flags = node === cluster.nodes[0] ? [] : ["--peer", cluster.nodes[0].address]
                    try node.launch()
                }
                for node in cluster.nodes { try await node.answers() }
                for node in cluster.nodes { try await node.holdsASubnet() }
                for node in cluster.nodes {
                    try await eventually("\(node.name) knows all") {
                        let claims = try await node.network().claims
                        return claims.count == 5 && claims.allSatisfy { $0.state == "held" } ? true : nil
                    }
                }
            }
        }
    }
}

/// What `sctl network inspect --output json` prints.
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

    /// The one that its containers may start on; empty while there is none.
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

    /// One container, named after the node and on it.
    fileprivate func runs(_ image: String) async throws {
        let place = #", "placement_preference": {"node_ids": ["\#(name)"]}"#
        let app = shellApp(name, image, "sleep 100000", place)
        try await sctl("apps", "create", "-f", try file("app.json", app))
    }

    /// Whether a ping of this node's container arrives at the other's under its own address: all others are dropped there.
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
