import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("apps create against a server", .timeLimit(.minutes(10)))
struct CreateTests {
    static let file =
        #"{"name": "example", "services": [{"name": "redis", "image": "docker.io/library/redis:alpine"}]}"#

    private static func progress(_ change: (inout ApplicationCreateProgress) -> Void) -> ApplicationCreateProgress {
        var progress = ApplicationCreateProgress()
        progress.slot = "example.redis.0"
        change(&progress)
        return progress
    }

    @Test("Silent on stdout, a line per change on stderr")
    func plain() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.streaming(StellarMethods.Application.createStream, ApplicationCreateRequest.self) { writer in
                    for state in ["pulling", "creating", "running"] {
                        try await writer.send(Self.progress { $0.state = state })
                    }
                }
            ]
        } _: { address, daemon in
            let transcript = Transcript(input: Self.file)
            #expect(await transcript.sctl("-a", address, "apps", "create", "-f", "-") == .ok)
            #expect(transcript.out == "")
            #expect(
                transcript.error
                    == "example.redis.0: pulling\nexample.redis.0: creating\nexample.redis.0: running\n"
            )
            let request = try #require(daemon.requests.first)
            #expect(
                request.hasPrefix(
                    #"CreateStream: name: "example" services { name: "redis" image: "docker.io/library/redis:alpine""#
                )
            )

            let quiet = Transcript(input: Self.file)
            #expect(await quiet.sctl("-a", address, "apps", "create", "-f", "-", "--progress", "none") == .ok)
            #expect(quiet.out == "")
            #expect(quiet.error == "")
        }
    }

    @Test(
        "A service that does not run: its name, the reason, its last lines, and exit code 9",
        arguments: [nil, TerminalSize(columns: 80, rows: 24)]
    )
    func failure(_ terminal: TerminalSize?) async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.streaming(StellarMethods.Application.createStream, ApplicationCreateRequest.self) { writer in
                    try await writer.send(
                        Self.progress {
                            $0.state = "failed"
                            $0.message = "exited with code 1"
                            $0.log = ["starting\u{1B}[31m", "no such file"]
                        }
                    )
                    throw RPCError(.failedPrecondition, "example.redis.0: exited with code 1")
                }
            ]
        } _: { address, _ in
            let transcript = Transcript(input: Self.file, terminal: terminal)
            #expect(await transcript.sctl("-a", address, "apps", "create", "-f", "-") == .notRunning)
            #expect(transcript.out == "")
            #expect(
                transcript.error.contains("example.redis.0 | starting\u{FFFD}[31m\nexample.redis.0 | no such file\n")
            )
            #expect(transcript.error.contains("code = FailedPrecondition desc = example.redis.0: exited with code 1"))
            let log = transcript.error.split(separator: "\n").count { $0.hasSuffix("no such file") }
            #expect(log == 1, "reported once")
        }
    }

    @Test("On a terminal the progress is drawn, and the cursor is restored")
    func terminal() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.streaming(StellarMethods.Application.createStream, ApplicationCreateRequest.self) { writer in
                    try await writer.send(Self.progress { $0.state = "running" })
                }
            ]
        } _: { address, _ in
            let transcript = Transcript(input: Self.file, terminal: TerminalSize(columns: 80, rows: 24))
            #expect(await transcript.sctl("-a", address, "apps", "create", "-f", "-") == .ok)
            #expect(transcript.out == "")
            #expect(transcript.error.hasPrefix(TerminalPainter.hideCursor))
            #expect(transcript.error.hasSuffix(TerminalPainter.showCursor))
            #expect(transcript.error.contains("✔ example.redis.0  running\u{1B}[K\n"))
        }
    }

    @Test("A daemon of the original without CreateStream gets Create")
    func original() async throws {
        try await ScriptedDaemon.with { daemon in
            [daemon.accepts(StellarMethods.Application.create, ApplicationCreateRequest.self)]
        } _: { address, daemon in
            let transcript = Transcript(input: Self.file)
            #expect(await transcript.sctl("-a", address, "apps", "create", "-f", "-") == .ok)
            #expect(transcript.out == "")
            #expect(transcript.error == "")
            #expect(daemon.requests.map { $0.prefix(7) } == ["Create:"])
        }
    }

    @Test("A pull shows its layers and its end")
    func pull() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.streaming(StellarMethods.Node.pullImage, RuntimePullImageRequest.self) { writer in
                    for status in ["downloading", "downloading", "done"] {
                        try await writer.send(
                            RuntimePullProgress.with {
                                $0.ref = "sha256:ab"; $0.status = status; $0.total = 5
                            }
                        )
                    }
                }
            ]
        } _: { address, daemon in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "images", "pull", "r/x:1", "--snapshotter", "native") == .ok)
            #expect(transcript.out == "r/x:1 pulled\n")
            #expect(transcript.error == "sha256:ab: downloading (5 B)\nsha256:ab: done (5 B)\n")
            #expect(daemon.requests == [#"PullImage: image: "r/x:1" snapshotter: "native""#])
        }
    }
}
