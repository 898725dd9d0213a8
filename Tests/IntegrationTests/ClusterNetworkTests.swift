import StellarTestKit
import Testing

/// Nodes behind a NAT, under changing names, and with TLS.
@Suite(.requires(.root, .netns, .cni), .timeLimit(.minutes(10)))
struct ClusterNetworkTests {
    @Test func aNodeBehindANATIsReachedAtItsAdvertisedAddress() async throws {
        try await StellarCluster.with(3) { cluster in
            let (first, second, inner) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            // The hub becomes its router: 192.168.7.1 inside, 10.77.0.200 outside.
            try await inner.move(to: "192.168.7.2")
            try await ChildProcess.check(
                "ip",
                ["-n", inner.namespace, "route", "add", "default", "via", "192.168.7.1", "onlink", "dev", "eth0"]
            )
            func forward(_ protocol: String, _ outside: String, _ inside: String) -> [String] {
                ["-A", "PREROUTING", "-i", "bridge", "-p", `protocol`, "--dport", outside]
                    + ["-j", "DNAT", "--to-destination", "\(inner.address):\(inside)"]
            }
            let rules = [
                forward("udp", "17946", "7946"), forward("tcp", "17946", "7946"), forward("tcp", "9000", "9000"),
                ["-A", "POSTROUTING", "-o", "bridge", "-s", "192.168.7.0/24", "-j", "MASQUERADE"],
            ]
            let router = ["nsenter", "--net=/run/netns/\(cluster.hub)"]
            for command in [
                ["ip", "link", "set", inner.port, "nomaster"],
                ["ip", "address", "add", "192.168.7.1/24", "dev", inner.port],
                ["ip", "address", "add", "10.77.0.200/24", "dev", "bridge"],
                ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
            ] + rules.map({ ["iptables", "-t", "nat"] + $0 }) {
                try await ChildProcess.check(router[0], [router[1]] + command)
            }
            second.flags = ["--peer", first.address]
            inner.flags = [
                "--advertise-addr", "10.77.0.200", "--advertise-port", "17946", "--peer", first.address,
            ]
            for node in cluster.nodes { try await node.start() }
            try await cluster.seeEachOther()
            let seen = try await second.listed().first { $0.node.id == inner.name }
            #expect(seen?.node.gossip_address == "10.77.0.200:17946" && seen?.node.address == "10.77.0.200:9000")
            inner.kill()
            try await second.sees([(inner, "dead")])
        }
    }

    @Test func aPeerNameIsResolvedAtEachAttempt() async throws {
        try await StellarCluster.with(2) { cluster in
            let (first, second) = (cluster.nodes[0], cluster.nodes[1])
            try await first.start()
            try second.useOwnHosts("127.0.0.1 localhost\n10.77.0.99 seed.test\n")
            second.flags = ["--peer", "seed.test"]
            try await second.start()
            try await eventually("the wrong address was tried") {
                try await second.sctl("cluster", "peers").contains("10.77.0.99:7946") ? true : nil
            }
            try second.setHosts("127.0.0.1 localhost\n\(first.address) seed.test\n")
            try await cluster.seeEachOther()
            let peers = try await second.sctl("cluster", "peers", "--output", "json")
            #expect(peers.contains("\"seed.test:7946\"") && peers.contains("\"node\": \"\(first.name)\""), "\(peers)")
        }
    }

    @Test func nodesAuthenticateEachOtherByCertificate() async throws {
        try await StellarCluster.with(3) { cluster in
            let authority = try await TestAuthority(directory: cluster.nodes[0].directory)
            for node in cluster.nodes {
                let issued = try await authority.issue(node.name, names: ["IP:\(node.address)"], for: .node)
                node.flags = ["--tls-cert", issued.certificate, "--tls-key", issued.key, "--tls-client-ca"]
                node.flags += [authority.certificate, "--peer", cluster.nodes[0].address]
                try await node.start()
            }
            try await cluster.seeEachOther()
            // A node without TLS gossips with the others, and cannot be called: it is unreachable, with the reason.
            let plain = cluster.nodes[2]
            await plain.stop()
            plain.flags = ["--peer", cluster.nodes[0].address]
            try await plain.start()
            let found = try await cluster.nodes[0].sees([(plain, "unreachable"), (cluster.nodes[1], "alive")])
            #expect(found[plain.name]?.node.reason?.contains("TLS") == true, "\(found)")
        }
    }
}
