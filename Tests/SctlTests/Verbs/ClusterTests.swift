import StellarAPI
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("cluster")
struct ClusterTests {
    /// The two nodes of the original's README.
    static let nodes: [ClusterNodeHealth] = [("ctr-00", 33, 880), ("ctr-01", 34, 987)].map { name, octet, started in
        .with {
            $0.node.id = name
            $0.node.address = "10.0.1.\(octet):9000"
            $0.node.labels = name == "ctr-00" ? ["zone": "b", "disk": "ssd"] : [:]
            $0.health.osName = "Linux"
            $0.health.osVersion = "4.13.0-46-generic"
            $0.health.startedAt.seconds = Int64(started)
            $0.health.cpus = 4
            $0.health.memoryUsed = name == "ctr-00" ? 952_000_000 : 943_000_000
            $0.health.memoryTotal = 1_040_000_000
            $0.node.status = "alive"
            $0.node.lastSeen.seconds = 1000
        }
    }

    /// A third node, which does not respond.
    static func absent(_ status: String) -> ClusterNodeHealth {
        .with {
            $0.node.id = "ctr-02"
            $0.node.address = "10.0.1.35:9000"
            $0.node.status = status
            $0.node.lastSeen.seconds = 700
        }
    }

    @Test("nodes: the README's columns first")
    func nodes() {
        #expect(
            ClusterNodes.table(Self.nodes, now: 1000) == """
                NAME                ADDR                OS                          UPTIME              CPUS                MEMORY (USED)       STATUS              LAST SEEN
                ctr-00              10.0.1.33:9000      Linux (4.13.0-46-generic)   2 minutes           4                   952 MB / 1.0 GB     alive               now
                ctr-01              10.0.1.34:9000      Linux (4.13.0-46-generic)   13 seconds          4                   943 MB / 1.0 GB     alive               now

                """
        )
    }

    @Test(
        "nodes: an unresponsive node has no figures, but the time of its last response",
        arguments: ["dead", "left", "suspect"]
    )
    func unresponsiveNodes(_ status: String) {
        let row = ClusterNodes.table([Self.absent(status)], now: 1000).split(separator: "\n")[1]
        let words = row.split(separator: " ").joined(separator: " ")
        #expect(words == "ctr-02 10.0.1.35:9000 \(status) 5 minutes ago")
        let info = ClusterInfo.text([Self.absent(status)], now: 1000)
        #expect(info.hasSuffix("    Status:\t\(status)\n    Seen:\t5 minutes ago\n\n"), "\(info)")
        #expect(Self.absent(status).jsonText().contains("1970-01-01T00:11:40Z"))
        #expect(!Self.absent(status).jsonText().contains("\"health\""))
    }

    @Test("nodes: a duplicate name is reported")
    func conflict() {
        var nodes = Self.nodes
        nodes[0].node.conflict = "10.0.1.40:7946"
        #expect(ClusterNodes.table(nodes, now: 1000).contains(" alive, name also at 10.0.1.40:7946 "))
        let words = ClusterHealth.unwell(nodes)
        #expect(words.count == 1 && words[0].contains("10.0.1.40:7946") && words[0].contains("--node-name"), "\(words)")
    }

    @Test("info: sums, then a block per node with the original's tabs")
    func info() {
        #expect(
            ClusterInfo.text(Self.nodes, now: 1000) == """
                CPUs:\t\t8
                Memory:\t\t2.1 GB
                Nodes:\t\t2
                  - ID:\t\tctr-00
                    Addr:\t\t10.0.1.33:9000
                    OS:\t\tLinux (4.13.0-46-generic)
                    CPU:\t4
                    Memory:\t1.0 GB
                    Labels: \("")
                      - disk=ssd
                      - zone=b
                    Status:\talive

                  - ID:\t\tctr-01
                    Addr:\t\t10.0.1.34:9000
                    OS:\t\tLinux (4.13.0-46-generic)
                    CPU:\t4
                    Memory:\t1.0 GB
                    Status:\talive


                """
        )
    }

    @Test("health: problems by node")
    func health() {
        var nodes = Self.nodes
        #expect(ClusterHealth.unwell(nodes).isEmpty)
        nodes[0].health.problems = ["nameserver: 172.16.0.1:53/udp is taken"]
        nodes[1].node.status = "suspect"
        nodes[1].node.reason = "it does not answer pings"
        nodes.append(Self.absent("left"))
        #expect(
            ClusterHealth.unwell(nodes) == [
                "ctr-00: nameserver: 172.16.0.1:53/udp is taken", "ctr-01 is suspect: it does not answer pings",
            ]
        )
        #expect(nodes[0].health.jsonText().contains(#""problems": ["#))
        #expect(!nodes[1].health.jsonText().contains("problems"))
    }

    @Test("Invalid data of a node does not crash sctl")
    func nonsense() {
        var nodes = Self.nodes
        nodes[0].health.cpus = .max
        nodes[0].health.memoryTotal = -5
        nodes[0].health.startedAt.seconds = .min
        #expect(ClusterInfo.text(nodes, now: .max).contains("CPUs:\t\t\(Int64.max)"))
        #expect(!ClusterNodes.table(nodes, now: .max).isEmpty)
    }

    @Test("containers: node and state of each")
    func containers() {
        let container = ClusterContainer.with {
            $0.container.id = "example.redis.0"
            $0.container.image = "docker.io/library/redis:alpine"
            $0.container.runtime = "io.containerd.runc.v2"
            $0.container.task = .with {
                $0.pid = 42; $0.status = "running"
            }
            $0.node.id = "ctr-00"
        }
        #expect(
            ClusterContainers.table([container]) == """
                ID                  IMAGE                            RUNTIME                 NODE                STATUS
                example.redis.0     docker.io/library/redis:alpine   io.containerd.runc.v2   ctr-00              running (pid 42)

                """
        )
    }
}
