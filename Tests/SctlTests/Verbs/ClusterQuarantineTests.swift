import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("cluster quarantine", .timeLimit(.minutes(10)))
struct ClusterQuarantineTests {
    private static let writes: [ClusterQuarantined] = [
        .with {
            ($0.id, $0.bucket, $0.key, $0.size) = ("c/18f3", "apps", "shop", 120)
            ($0.written.seconds, $0.reason, $0.nodes) = (700, "its node was away for too long", ["a", "b"])
        },
        .with {
            ($0.id, $0.bucket, $0.key, $0.deletes) = ("z/69e0", "apps", "x", true)
            ($0.written.seconds, $0.reason, $0.nodes) = (1060, "its clock is wrong", ["b"])
        },
    ]

    @Test("list: key, age, nodes and reason of each write")
    func list() async throws {
        #expect(
            ClusterQuarantineList.table(Self.writes, now: 1000) == """
                KEY                 BUCKET              WRITE               WRITTEN             NODES               \
                ID                  REASON
                shop                apps                120 bytes           5 minutes ago       a, b                \
                c/18f3              its node was away for too long
                x                   apps                delete              in 1 minute         b                   \
                z/69e0              its clock is wrong

                """
        )
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.quarantine) {
                    (_: ClusterQuarantineRequest) -> ClusterQuarantineResponse in
                    .with {
                        $0.writes = Self.writes
                        $0.nodes = [
                            .with {
                                $0.node = "d"
                                $0.error = "it is dead and was not asked"
                            }
                        ]
                    }
                }
            ]
        } _: { address, _ in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "cluster", "quarantine", "list", "-o", "json") == .ok)
            #expect(transcript.out.contains(#""id": "c/18f3""#) && transcript.out.contains(#""deletes": true"#))
            #expect(transcript.error.contains("d: it is dead and was not asked"))
        }
    }

    @Test("accept and drop: the changed writes, and the unreachable nodes")
    func changes() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.changeQuarantine) {
                    (request: ClusterChangeQuarantineRequest) -> ClusterChangeQuarantineResponse in
                    #expect(request.writes == ["shop", "z/69e0"])
                    return .with {
                        $0.writes = Self.writes
                        $0.nodes = [.with { $0.node = "a" }]
                        guard request.change == .drop else { return }
                        $0.nodes.append(
                            .with {
                                $0.node = "d"
                                $0.error = "it is dead and was not asked"
                            }
                        )
                    }
                }
            ]
        } _: { address, _ in
            let accepted = Transcript()
            #expect(await accepted.sctl("-a", address, "cluster", "quarantine", "accept", "shop", "z/69e0") == .ok)
            #expect(accepted.out == "shop accepted (c/18f3)\nx accepted (z/69e0)\n")
            let dropped = Transcript()
            let status = await dropped.sctl("-a", address, "cluster", "quarantine", "drop", "shop", "z/69e0")
            #expect(status == .unavailable)
            #expect(dropped.error.contains("d: it is dead and was not asked"))
            #expect(dropped.error.contains("shop, x dropped on 1 of 2 nodes only"))
        }
    }

    @Test("A command must name its writes")
    func usage() async {
        for verb in ["accept", "drop"] {
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", "unix:///nowhere/s", "cluster", "quarantine", verb) == .failure)
            #expect(transcript.error.contains("you must specify a key or an id"), "\(transcript.error)")
        }
    }
}
