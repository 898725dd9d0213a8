import ArgumentParser
import StellarAPI
import StellarCore
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("Verbs against a server", .timeLimit(.minutes(10)))
struct VerbTests {
    @Test(
        "Verbs without a table: their requests and their output",
        arguments: [
            (["apps", "delete", "example.redis"], #"Delete: name: "example.redis""#, "example.redis deleted\n"),
            (["apps", "restart", "example"], #"Restart: name: "example""#, ""),
            (["node", "containers", "delete", "a.b.0"], #"DeleteContainer: id: "a.b.0""#, "a.b.0 deleted\n"),
            (["node", "containers", "restart", "a.b.0"], #"RestartContainer: id: "a.b.0""#, "a.b.0 restarted\n"),
            (["images", "delete", "r/x:1"], #"DeleteImage: id: "r/x:1""#, "r/x:1 deleted\n"),
            (
                ["nameserver", "delete", "db.stellar", "-t", "txt"], #"Delete: type: TXT name: "db.stellar""#,
                "removed db.stellar (txt)\n"
            ),
            (
                ["nameserver", "create", "db.stellar", "10.0.0.1"],
                #"Create: name: "db.stellar" records { type: A name: "db.stellar" value: "10.0.0.1" }"#,
                "added db.stellar=10.0.0.1 (A)\n"
            ),
        ]
    )
    func commands(_ arguments: [String], _ request: String, _ out: String) async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.accepts(StellarMethods.Application.delete, ApplicationDeleteRequest.self),
                daemon.accepts(StellarMethods.Application.restart, ApplicationRestartRequest.self),
                daemon.accepts(StellarMethods.Node.deleteContainer, RuntimeDeleteContainerRequest.self),
                daemon.accepts(StellarMethods.Node.restartContainer, RuntimeRestartContainerRequest.self),
                daemon.accepts(StellarMethods.Node.deleteImage, RuntimeDeleteImageRequest.self),
                daemon.accepts(StellarMethods.Nameserver.create, NameserverCreateRequest.self),
                daemon.accepts(StellarMethods.Nameserver.delete, NameserverDeleteRequest.self),
            ]
        } _: { address, daemon in
            let transcript = Transcript()
            let status = await SctlMain.run(arguments: ["-a", address] + arguments, console: transcript.console)
            #expect(status == .ok)
            #expect(transcript.error == "")
            #expect(transcript.out == out)
            #expect(daemon.requests == [request])
        }
    }

    @Test("A created app is returned as an app file, alone and within JSON", arguments: ["file", "json"])
    func definition(_ format: String) async throws {
        let file = """
            {"name": "example", "services": [{"name": "web", "image": "docker.io/library/nginx:1", "replicas": 2,
            "endpoints": [{"service": "http", "protocol": "http", "port": 80, "host": "example.com"}]}]}
            """
        let app = try AppFile.parse(file)
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Application.get) { (_: ApplicationGetRequest) in
                    ApplicationGetResponse.with {
                        $0.application.name = "example"
                        $0.application.services = [RuntimeService.with { $0.name = "example.web.0" }]
                        $0.application.definition = ApplicationCreateRequest(app)
                    }
                }
            ]
        } _: { address, _ in
            let transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "apps", "inspect", "example", "--format", format) == .ok)
            #expect(transcript.out.contains("example.web.0") == (format == "json"))
            let read = try AppFile.parse(transcript.out)
            #expect(read == app)
        }
    }

    @Test("A call to a daemon that never responds ends")
    func deadline() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                (
                    StellarMethods.Cluster.health,
                    .unary("Health") { (_: ClusterHealthRequest, _) -> ClusterHealthResponse in
                        try await Task.sleep(for: .seconds(3600))
                        return ClusterHealthResponse()
                    }
                )
            ]
        } _: { address, _ in
            let verb = try ClusterNodes.parse(["-a", address])
            do {
                _ = try await verb.withClient(limit: .milliseconds(20)) { try await $0.cluster.health() }
                Issue.record("there was no answer to return")
            } catch let error as RPCError {
                #expect(SctlExit(error.code) == .timedOut)
            }
        }
    }

    @Test("Lists of the daemon as tables and JSON")
    func lists() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Application.list) { (_: ApplicationListRequest) in
                    ApplicationListResponse.with { $0.applications = [.with { $0.name = "example" }] }
                },
                daemon.unary(StellarMethods.Cluster.health) { (_: ClusterHealthRequest) in
                    ClusterHealthResponse.with { $0.nodes = ClusterTests.nodes.reversed() }
                },
                daemon.unary(StellarMethods.Nameserver.list) { (_: NameserverListRequest) in
                    NameserverListResponse.with {
                        $0.records = [
                            .with {
                                $0.type = .txt; $0.name = "a.stellar"; $0.value = "text"
                            },
                            .with {
                                $0.type = .a; $0.name = "a.stellar"; $0.value = "10.0.0.1"
                            },
                        ]
                    }
                },
                daemon.unary(StellarMethods.Node.images) { (_: RuntimeImagesRequest) in
                    RuntimeImagesResponse.with {
                        $0.images = [
                            .with {
                                $0.id = "r/x:1"; $0.size = 12_000_000
                            }
                        ]
                    }
                },
                daemon.unary(StellarMethods.Version.version) { (_: Google_Protobuf_Empty) in
                    VersionVersionResponse.with {
                        $0.version = "9"; $0.containerdVersion = "1.6"
                    }
                },
            ]
        } _: { address, _ in
            var transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "apps", "list") == .ok)
            #expect(transcript.out.hasSuffix("example             0                                       \n"))

            transcript = Transcript()
            #expect(await transcript.sctl("cluster", "nodes", "-a", address) == .ok)
            #expect(transcript.out.split(separator: "\n").dropFirst().map { $0.prefix(6) } == ["ctr-00", "ctr-01"])

            transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "nameserver", "list", "-o", "json") == .ok)
            #expect(transcript.out.hasPrefix("[\n  {\n    \"type\": \"A\",\n    \"name\": \"a.stellar\",\n"))

            transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "nameserver", "list", "-t", "TXT") == .ok)
            #expect(transcript.out.split(separator: "\n").count == 2)

            transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "images", "list") == .ok)
            #expect(transcript.out.hasSuffix("12 MB\n"))

            transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "version") == .ok)
            #expect(transcript.out.hasSuffix("Daemon:\n  Version: 9\nContainerd:\n  Version: 1.6\n"))
        }
    }

    @Test("An error response: the original's words, and its own exit code")
    func remoteError() async throws {
        try await ScriptedDaemon.with { daemon in
            [
                daemon.unary(StellarMethods.Application.get) {
                    (request: ApplicationGetRequest) -> ApplicationGetResponse in
                    throw RPCError(.notFound, "application \(request.name) not found")
                },
                daemon.unary(StellarMethods.Application.list) {
                    (_: ApplicationListRequest) -> ApplicationListResponse in
                    throw RPCError(.unavailable, "node ctr-01 is down")
                },
            ]
        } _: { address, _ in
            var transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "apps", "inspect", "x") == .notFound)
            #expect(
                transcript.error == "level=fatal msg=\"rpc error: code = NotFound desc = application x not found\"\n"
            )
            transcript = Transcript()
            #expect(await transcript.sctl("-a", address, "apps", "list") == .unavailable)
            #expect(
                transcript.error == "level=fatal msg=\"rpc error: code = Unavailable desc = node ctr-01 is down\"\n"
            )
        }
    }

    @Test("A daemon that does not run is reported at once, with its address and the fix")
    func unreachable() async {
        let transcript = Transcript()
        #expect(await transcript.sctl("-a", "unix:///nowhere/s", "cluster", "nodes") == .unavailable)
        #expect(transcript.error.contains("unix:///nowhere/s"))
        #expect(transcript.error.contains("stellar server"))
        #expect(transcript.error.contains("--addr"))
        #expect(!transcript.error.contains("rpc error"))
    }
}
