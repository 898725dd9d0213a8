import FoundationEssentials
import StellarAPI
import StellarRPC
import StellarTestKit
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("cluster keys")
struct ClusterKeysTests {
    private static let key = [UInt8](repeating: 7, count: 32)
    private static let text = GossipKeyText.base64(key)

    @Test("list: the number of nodes with each key, and the nodes without it")
    func list() {
        let response = ClusterKeysResponse.with {
            $0.keys = [
                .with {
                    ($0.fingerprint, $0.size) = ("0011223344556677", 32)
                    ($0.nodes, $0.primaryOn) = (["a", "b", "c"], ["a", "b"])
                },
                .with {
                    ($0.fingerprint, $0.size) = ("8899aabbccddeeff", 16)
                    $0.nodes = ["c"]
                },
            ]
            $0.nodes = ["a", "b", "c"].map { name in .with { $0.node = name } }
        }
        #expect(
            ClusterKeysList.table(response) == """
                KEY                 CIPHER              NODES               PRIMARY ON
                0011223344556677    AES-256             3 of 3              2 of 3 (not c)
                8899aabbccddeeff    AES-128             1 of 3 (not a, b)   \("")

                """
        )
    }

    @Test("A key in any form reaches the daemon as its bytes, and no output shows it")
    func forms() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.changeKeys) {
                    (request: ClusterChangeKeysRequest) -> ClusterChangeKeysResponse in
                    #expect(request.change == .add && Array(request.key) == Self.key)
                    return .with {
                        $0.fingerprint = "0011223344556677"
                        $0.nodes = [.with { $0.node = "a" }, .with { $0.node = "b" }]
                    }
                }
            ]
        } _: { address, daemon in
            try await TemporaryDirectory.with { directory in
                try TemporaryDirectory.write("\(Self.text)\n".utf8, to: "\(directory)/key")
                let hexadecimal = String(repeating: "07", count: 32)
                for (input, arguments) in [
                    ("", [Self.text]), ("", [hexadecimal]), ("\(Self.text)\n", ["-"]),
                    ("", ["--file", "\(directory)/key"]),
                ] {
                    let transcript = Transcript(input: input)
                    let status = await SctlMain.run(
                        arguments: ["--addr", address, "cluster", "keys", "add"] + arguments,
                        console: transcript.console
                    )
                    #expect(status == .ok, "\(transcript.error)")
                    #expect(transcript.out == "0011223344556677 added on 2 nodes\n")
                    #expect(!(transcript.out + transcript.error).contains(Self.text))
                }
                #expect(daemon.requests.count == 4)
            }
        }
    }

    @Test(
        "An invalid key is refused by sctl, and not shown",
        arguments: [
            ("c2hvcnQ=", "5 bytes, and a key has 16, 24 or 32"),
            ("not a key!", "neither base64 nor hexadecimal"),
            ("0011223344556677", "this is a fingerprint"),
        ]
    )
    func refused(_ text: String, _ reason: String) async {
        let transcript = Transcript()
        #expect(await transcript.sctl("-a", "unix:///nowhere/s", "cluster", "keys", "add", text) == .failure)
        #expect(transcript.error.contains(reason), "\(transcript.error)")
        #expect(!transcript.error.contains(text))
    }

    @Test("Exactly one of key and file is required")
    func usage() async {
        for arguments in [["cluster", "keys", "use"], ["cluster", "keys", "use", "x", "--file", "y"]] {
            let transcript = Transcript()
            #expect(await SctlMain.run(arguments: arguments, console: transcript.console) == .failure)
            #expect(transcript.error.contains("key"), "\(transcript.error)")
        }
    }

    @Test("A change that reached only some nodes fails, and names the others")
    func partly() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Cluster.changeKeys) {
                    (request: ClusterChangeKeysRequest) -> ClusterChangeKeysResponse in
                    #expect(request.change == .use && request.fingerprint == "00aabbccddeeff11" && request.key.isEmpty)
                    return .with {
                        $0.fingerprint = request.fingerprint
                        $0.nodes = [
                            .with { $0.node = "a" },
                            .with {
                                $0.node = "b"
                                $0.error = "it is dead and was not asked"
                            },
                        ]
                    }
                }
            ]
        } _: { address, _ in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "cluster", "keys", "use", "00AABBCCDDEEFF11") == .unavailable)
            #expect(transcript.out == "00aabbccddeeff11 in use on 1 node\n")
            #expect(transcript.error.contains("b: it is dead and was not asked"), "\(transcript.error)")
            #expect(transcript.error.contains("1 of 2 nodes only"), "\(transcript.error)")
        }
    }
}
