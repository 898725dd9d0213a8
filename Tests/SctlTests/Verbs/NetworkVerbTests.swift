import StellarAPI
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("network")
struct NetworkVerbTests {
    private static let overview = NetworkOverviewResponse.with {
        ($0.node, $0.network, $0.overlay) = ("a", "172.16.0.0/12", "vxlan")
        ($0.vxlanID, $0.vxlanPort, $0.mtu) = (5_461_068, 4789, 1450)
        $0.claims = [
            .with {
                ($0.node, $0.cidr, $0.gateway, $0.state) = ("a", "172.16.0.0/22", "172.16.0.1", "held")
                ($0.address, $0.overlay, $0.claimed.seconds) = ("10.0.0.1", "vxlan", 400)
            },
            .with {
                ($0.node, $0.cidr, $0.gateway, $0.state) = ("b", "172.16.4.0/22", "172.16.4.1", "held")
                ($0.address, $0.overlay, $0.claimed.seconds) = ("10.0.0.2", "vxlan", 940)
                $0.route = .with { ($0.cidr, $0.gateway) = ("172.16.4.0/22", "172.16.4.1") }
            },
            .with {
                ($0.node, $0.cidr, $0.state) = ("c", "172.16.8.0/22", "held")
                $0.route = .with { ($0.gateway, $0.problem) = ("10.0.0.3", "it is taken") }
            },
            .with { ($0.node, $0.cidr, $0.state) = ("d", "172.16.12.0/22", "held") },
            .with { ($0.node, $0.cidr, $0.state, $0.holder) = ("e", "172.16.4.0/22", "disputed", "b") },
        ]
        $0.added = [.with { ($0.cidr, $0.gateway) = ("192.168.9.0/24", "10.0.0.200") }]
        $0.waiting = "try again in a moment"
    }

    private func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    }

    @Test("list: the nodes, their subnets and their routes")
    func list() {
        #expect(
            lines(NetworkList.table(Self.overview)) == [
                "SUBNET NODE STATE ADDRESS ROUTE",
                "172.16.0.0/22 a held 10.0.0.1 here",
                "172.16.4.0/22 b held 10.0.0.2 via 172.16.4.1",
                "172.16.8.0/22 c held missing: it is taken",
                "172.16.12.0/22 d held its address is not known yet",
                "172.16.4.0/22 e disputed (held by b)",
            ]
        )
    }

    @Test("inspect: the whole network, with desired and observed routes")
    func inspect() {
        let lines = lines(NetworkInspect.text(Self.overview, now: 1000))
        for line in [
            "network 172.16.0.0/12", "overlay vxlan, id 5461068, UDP port 4789, packets of 1450 bytes",
            "waiting try again in a moment", "172.16.4.0/22 b", "state held, claimed 1 minute ago",
            "host 10.0.0.2, overlay vxlan", "route via 172.16.4.1, installed",
            "route via 10.0.0.3, not installed: it is taken", "state disputed (held by b)",
            "192.168.9.0/24 added", "route via 10.0.0.200, installed",
        ] {
            #expect(lines.contains(line), "\(line) in \(lines)")
        }
    }

    @Test("JSON: the names of the .proto file")
    func json() {
        let text = Self.overview.jsonText()
        for part in [
            #""vxlan_id": 5461068"#, #""claimed": "1970-01-01T00:06:40Z""#, #""holder": "b""#,
            #""problem": "it is taken""#,
        ] {
            #expect(text.contains(part), "\(text)")
        }
    }
}
