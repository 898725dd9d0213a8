import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("The state of all nodes", .timeLimit(.minutes(10)))
struct StatusVerbTests {
    private static let nodes: [ClusterNodeStatus] = [
        .with {
            ($0.node.id, $0.node.status) = ("a", "alive")
            $0.node.lastSeen.seconds = 1000
            ($0.store.entries, $0.store.synced) = (12, true)
        },
        .with {
            ($0.node.id, $0.node.status) = ("b", "alive")
            $0.node.lastSeen.seconds = 1000
            $0.store.entries = 10
            $0.store.quarantined = [
                .with {
                    ($0.bucket, $0.key, $0.origin) = ("records", "x.example", "c")
                    ($0.written.seconds, $0.reason) = (900, "its node was away for too long")
                }
            ]
            $0.behind = [
                .with {
                    $0.origin = "a"
                    ($0.has.seconds, $0.newest.seconds) = (990, 994)
                },
                .with {
                    $0.origin = "c"
                    $0.newest.seconds = 994
                },
            ]
        },
        .with {
            ($0.node.id, $0.node.status, $0.node.reason) = ("c", "dead", "it answers no pings")
            $0.node.lastSeen.seconds = 700
        },
    ]

    @Test("status: nodes in sync, behind and unresponsive, and quarantined writes")
    func status() async throws {
        let lines = ClusterStatus.table(Self.nodes, now: 1000).split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        #expect(
            lines == [
                "NAME STATUS STATE ENTRIES ASIDE LAST SEEN", "a alive converged 12 0 now",
                "b alive behind a (4s), c (all of it) 10 1 now", "c dead unknown 5 minutes ago",
            ]
        )
        #expect(
            ClusterStatus.notes(Self.nodes) == [
                "b keeps x.example in records, of c, aside: its node was away for too long",
                "without c (dead): it answers no pings",
            ]
        )
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.status) { (_: ClusterStatusRequest) -> ClusterStatusResponse in
                    .with { $0.nodes = Self.nodes.reversed() }
                }
            ]
        } _: { address, _ in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "cluster", "status", "-o", "json") == .ok)
            #expect(transcript.out.contains(#""quarantined": ["#) && transcript.out.contains(#""origin": "c""#))
            #expect(transcript.error.contains("without c (dead): it answers no pings\n"))
        }
    }

    @Test("status: invalid data of a daemon does not crash sctl")
    func nonsense() {
        let node = ClusterNodeStatus.with {
            $0.store.entries = .max
            $0.behind = [
                .with { ($0.has.seconds, $0.newest.seconds) = (.min, .max) },
                .with { ($0.has.seconds, $0.newest.seconds) = (.max, .min) },
            ]
        }
        #expect(!ClusterStatus.table([node], now: .max).isEmpty)
        #expect(node.jsonText().contains("behind"))
    }

    @Test(
        "--wait converged: names the nodes it waits for, and exits with 5 if a live node does not have the write",
        arguments: [
            ("reached", "", SctlExit.ok, ""), ("dead", "it is dead", .ok, "b: it is dead"),
            ("unreachable", "it hangs", .unavailable, "b does not have it yet: it hangs"),
        ]
    )
    func wait(_ state: String, _ reason: String, _ exit: SctlExit, _ text: String) async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.accepts(StellarMethods.Nameserver.create, NameserverCreateRequest.self),
                daemon.unary(StellarMethods.Cluster.converge) {
                    (_: ClusterConvergeRequest) -> ClusterConvergeResponse in
                    .with { $0.nodes = [.with { ($0.node, $0.state, $0.reason) = ("b", state, reason) }] }
                },
            ]
        } _: { address, _ in
            let transcript = Transcript()
            let status = await transcript.sctl(
                "-a",
                address,
                "nameserver",
                "create",
                "x.example",
                "10.0.0.1",
                "--wait",
                "converged"
            )
            #expect(status == exit, "\(transcript.error)")
            // The write is done, whatever the result of the wait.
            #expect(transcript.out == "added x.example=10.0.0.1 (A)\n")
            #expect(transcript.error.contains(text), "\(transcript.error)")
            if exit != .ok { #expect(transcript.error.contains("waiting for b"), "\(transcript.error)") }
        }
    }

    @Test("--wait accepts no other word, and --wait-limit only a duration")
    func mistakes() async {
        for mistake in [["--wait", "forever"], ["--wait", "converged", "--wait-limit", "soon"]] {
            let transcript = Transcript()
            let status = await SctlMain.run(
                arguments: ["nameserver", "create", "x.example", "10.0.0.1"] + mistake,
                console: transcript.console
            )
            #expect(status != .ok)
            #expect(transcript.error.contains("--wait"), "\(transcript.error)")
        }
    }
}
