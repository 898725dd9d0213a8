import StellarAPI
import StellarRPC
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("cluster leave, forget, peers, rtt")
struct MembershipVerbTests {
    @Test("leave")
    func leave() async throws {
        try await ScriptedDaemon.with { daemon in
            [daemon.accepts(StellarMethods.Cluster.leave, Google_Protobuf_Empty.self)]
        } _: { address, daemon in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "cluster", "leave") == .ok)
            #expect(transcript.out == "left the cluster\n")
            #expect(daemon.requests.count == 1)
        }
    }

    @Test("forget: the number of nodes, and the error of each node that failed")
    func forget() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.forget) {
                    (request: ClusterForgetRequest) -> ClusterForgetResponse in
                    switch request.node {
                    case "gone": return .with { $0.nodes = ["a", "b"].map { name in .with { $0.node = name } } }
                    case "half":
                        return .with {
                            $0.nodes = [
                                .with { $0.node = "a" },
                                .with {
                                    $0.node = "b"
                                    $0.error = "no answer within 3s"
                                },
                            ]
                        }
                    default: throw RPCError(.notFound, "there is no node \(request.node)")
                    }
                }
            ]
        } _: { address, _ in
            let good = Transcript()
            #expect(await good.sctl("-a", address, "cluster", "forget", "gone") == .ok)
            #expect(good.out == "gone forgotten by 2 nodes\n")
            let half = Transcript()
            #expect(await half.sctl("-a", address, "cluster", "forget", "half") == .unavailable)
            #expect(half.error.contains("b: no answer within 3s"), "\(half.error)")
            let wrong = Transcript()
            #expect(await wrong.sctl("-a", address, "cluster", "forget", "x") == .notFound)
            let none = Transcript()
            #expect(await none.sctl("-a", address, "cluster", "forget") == .failure)
            #expect(none.error.contains("you must specify a node"), "\(none.error)")
        }
    }

    @Test("containers: nodes without a response are named, and are no failure")
    func missing() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.containers) {
                    (_: ClusterContainersRequest) -> ClusterContainersResponse in
                    .with {
                        $0.containers = [.with { $0.container.id = "x.y.0" }]
                        $0.missing = [
                            .with { ($0.id, $0.status, $0.reason) = ("ctr-02", "dead", "it answers no pings") }
                        ]
                    }
                }
            ]
        } _: { address, _ in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "cluster", "containers") == .ok)
            #expect(transcript.out.contains("x.y.0") && !transcript.out.contains("ctr-02"))
            #expect(transcript.error == "without those of ctr-02 (dead): it answers no pings\n")
        }
    }

    @Test("peers: last error, last and next attempt of each")
    func peers() {
        let peers: [ClusterPeer] = [
            .with {
                ($0.address, $0.declared, $0.status) = ("ctr-09.example:7946", true, "unreachable")
                ($0.lastTry.seconds, $0.nextTry.seconds) = (970, 1060)
                $0.lastError = "no such host"
            },
            .with { ($0.address, $0.node, $0.status) = ("10.0.1.34:7946", "ctr-01", "alive") },
        ]
        let lines = ClusterPeers.table(peers, now: 1000).split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        #expect(
            lines == [
                "PEER DECLARED NODE STATUS LAST TRY NEXT TRY LAST ERROR",
                "ctr-09.example:7946 yes unreachable 30 seconds ago in 1 minute no such host",
                "10.0.1.34:7946 no ctr-01 alive",
            ]
        )
    }

    @Test("rtt: a row and a column for each node; unmeasured pairs are empty")
    func roundTrips() {
        let rows: [ClusterRoundTripRow] = [
            .with {
                $0.node = "a"
                $0.roundTrips = [
                    .with {
                        $0.node = "b"
                        $0.roundTrip.nanos = 412_345
                    },
                    .with {
                        $0.node = "c"
                        ($0.roundTrip.seconds, $0.roundTrip.nanos) = (1, 500_000_000)
                    },
                ]
            },
            .with {
                $0.node = "b"
                $0.error = "no answer within 3s"
            },
        ]
        #expect(
            ClusterRTT.table(rows) == """
                FROM \\ TO   a   b       c
                a           -   412µs   1.5s
                b               -       \("")

                """
        )
    }

    @Test("Invalid data of a daemon does not crash sctl")
    func nonsense() {
        let row = ClusterRoundTripRow.with {
            $0.roundTrips = [
                .with {
                    $0.node = "\u{1B}[2J"
                    ($0.roundTrip.seconds, $0.roundTrip.nanos) = (.max, .min)
                }
            ]
        }
        #expect(!ClusterRTT.table([row]).contains("\u{1B}"))
        #expect(row.jsonText().contains("round_trip"))
        let peer = ClusterPeer.with { ($0.lastTry.seconds, $0.nextTry.seconds) = (.min, .max) }
        #expect(!ClusterPeers.table([peer], now: .max).isEmpty)
        #expect(!ClusterPeers.table([peer], now: -5).isEmpty)
    }
}
