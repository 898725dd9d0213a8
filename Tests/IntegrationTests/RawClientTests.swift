import NIOCore
import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarTestKit
import SwiftProtobuf
import Testing

/// The API validates requests as sctl does: a refused request names the field, and leaves nothing behind.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(10)))
struct RawClientTests {
    private typealias Request = ApplicationCreateRequest

    private func withClient(_ host: StellarHost, _ body: (StellarClient) async throws -> Void) async throws {
        let port = host.address.split(separator: ":").last.flatMap { Int($0) }
        let client = RPCClient(address: .tcp(host: "127.0.0.1", port: try #require(port)))
        do {
            try await body(StellarClient(client))
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    /// A valid request with a change that makes it invalid.
    private static func request(_ change: (inout Request) -> Void) -> Request {
        var service = RuntimeService()
        service.name = "web"
        service.image = "127.0.0.1:1/never:pulled"
        service.process.args = ["true"]
        var request = Request()
        request.name = "raw"
        request.services = [service]
        change(&request)
        return request
    }

    private static func endpoint(_ change: (inout RuntimeEndpoint) -> Void) -> Request {
        request { request in
            var endpoint = RuntimeEndpoint()
            (endpoint.service, endpoint.protocol, endpoint.port) = ("http", .tcp, 80)
            change(&endpoint)
            request.services[0].endpoints = [endpoint]
        }
    }

    /// Invalid requests, and the field path at the start of a line of the response.
    private static let invalid: [(Request, String)] = [
        (request { $0.name = "" }, "name: "),
        (request { $0.name = "Not A Label" }, "name: "),
        (request { $0.name = "../../etc" }, "name: "),
        (request { $0.name = String(repeating: "a", count: 64) }, "name: "),
        (request { $0.labels = ["no equals sign"] }, "labels[0]: "),
        (request { $0.services[0].name = "a.b" }, "services[0].name: "),
        (request { $0.services[0].name = "" }, "services[0].name: "),
        (request { $0.services.append($0.services[0]) }, "services[1].name: "),
        (
            request {
                $0.name = String(repeating: "a", count: 40); $0.services[0].name = String(repeating: "b", count: 40)
            },
            "services[0].name: "
        ),
        (request { $0.services[0].image = "" }, "services[0].image: "),
        (request { $0.services[0].image = "UPPER/case image" }, "services[0].image: "),
        (request { $0.services[0].replicas = .max }, "services[0].replicas: "),
        (request { $0.services[0].process.env = ["NOVALUE"] }, "services[0].process.env[0]: "),
        (request { $0.services[0].process.args = ["a\u{0}b"] }, "services[0].process.args[0]: "),
        (request { $0.services[0].process.workdir = "relative" }, "services[0].process.workdir: "),
        (request { $0.services[0].capabilities.add = ["CAP_NONE_SUCH"] }, "services[0].capabilities.add[0]: "),
        (
            request {
                $0.services[0].mounts = [
                    .with {
                        $0.type = "bind"; $0.source = "/a"; $0.destination = "b"
                    }
                ]
            },
            "services[0].mounts[0].destination: "
        ),
        (request { $0.services[0].restartPolicy.condition = .UNRECOGNIZED(9) }, "services[0].restart"),
        (request { $0.services[0].healthCheck.kind = .UNRECOGNIZED(9) }, "services[0].health_check"),
        (request { $0.services[0].stopGracePeriod.seconds = -1 }, "services[0].stop_grace_period: "),
        (request { $0.services[0].stopGracePeriod.seconds = .max }, "services[0].stop_grace_period: "),
        (endpoint { $0.port = 0 }, "services[0].endpoints[0].port: "),
        (endpoint { $0.port = 70_000 }, "services[0].endpoints[0].port: "),
        (endpoint { $0.protocol = .UNRECOGNIZED(7) }, "services[0].endpoints[0].protocol: "),
        (
            endpoint {
                $0.protocol = .http; $0.endpointConfig.typeURL = "other"
            }, "services[0].endpoints[0].endpoint_config: "
        ),
        (
            endpoint {
                $0.protocol = .http
                $0.endpointConfig.typeURL = RadiantServer.bareTypeURL
                $0.endpointConfig.value.append(contentsOf: [0xFF, 0xFF])
            }, "services[0].endpoints[0].endpoint_config: "
        ),
    ]

    @Test func invalidAppsAreRefusedByFieldPath() async throws {
        try await StellarHost.with { host in
            let before = try await host.leftovers()
            try await withClient(host) { client in
                for (request, path) in Self.invalid {
                    let error = await #expect(throws: RPCError.self, "\(path)") {
                        try await client.application.create(request)
                    }
                    #expect(error?.code == .invalidArgument, "\(path): \(String(describing: error))")
                    let lines = error?.message.split(separator: "\n") ?? []
                    #expect(lines.contains { $0.hasPrefix(path) }, "\(path): \(String(describing: error))")
                }
                // A response lists all errors, not only the first.
                let many = Self.request {
                    $0.name = ""; $0.services[0].image = ""; $0.services[0].process.workdir = "x"
                }
                let error = await #expect(throws: RPCError.self) {
                    try await client.application.create(many) { _ in }
                }
                #expect(error?.message.split(separator: "\n").count == 3, "\(String(describing: error))")
                let apps = try await client.application.list()
                #expect(apps.isEmpty)
            }
            #expect(try await host.leftovers() == before)
        }
    }

    @Test func everyMethodRefusesUndecodableBytes() async throws {
        try await StellarHost.with { host in
            try await withClient(host) { client in
                let garbage = ByteBuffer(bytes: [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
                for method in [
                    StellarMethods.Application.create, StellarMethods.Application.delete,
                    StellarMethods.Application.get, StellarMethods.Application.restart,
                    StellarMethods.Node.createContainer, StellarMethods.Node.deleteContainer,
                    StellarMethods.Nameserver.create, StellarMethods.Network.allocateIP,
                    StellarMethods.Scheduler.schedule,
                ] {
                    let error = await #expect(throws: RPCError.self, "\(method)") {
                        try await client.rpc.unary(method, garbage)
                    }
                    #expect(error?.code == .invalidArgument, "\(method): \(String(describing: error))")
                }
                let unknown = await #expect(throws: RPCError.self) {
                    try await client.rpc.unary(RPCMethod("stellar.services.none.v1.None", "Nothing"), garbage)
                }
                #expect(unknown?.code == .unimplemented)
                _ = try await client.version()
            }
        }
    }

    @Test func containersAndRecordsAreValidated() async throws {
        try await StellarHost.with { host in
            try await withClient(host) { client in
                for (application, id) in [
                    ("", ""), ("", "a"), ("a", "b"), ("a", "../b.0"), ("a", "b.-1"), ("a", "b.x"),
                ] {
                    var request = RuntimeCreateContainerRequest()
                    (request.application, request.containerID) = (application, id)
                    request.service = Self.request { _ in }.services[0]
                    let error = await #expect(throws: RPCError.self, "\(application) \(id)") {
                        _ = try await client.rpc.unary(
                            StellarMethods.Node.createContainer,
                            request,
                            returning: RuntimeCreateContainerRequest.self
                        )
                    }
                    #expect(error?.code == .invalidArgument, "\(application) \(id): \(String(describing: error))")
                }
                for (name, value) in [
                    ("", "10.0.0.1"), ("x.stellar", ""), (String(repeating: "a.", count: 127), "1.1.1.1"),
                ] {
                    var record = NameserverRecord()
                    (record.type, record.name, record.value) = (.a, name, value)
                    var request = NameserverCreateRequest()
                    (request.name, request.records) = (name, [record])
                    let error = await #expect(throws: RPCError.self, "\(name)") {
                        _ = try await client.rpc.unary(
                            StellarMethods.Nameserver.create,
                            request,
                            returning: NameserverCreateRequest.self
                        )
                    }
                    #expect(error?.code == .invalidArgument, "\(name): \(String(describing: error))")
                }
                let apps = try await client.application.list()
                #expect(apps.isEmpty)
            }
        }
    }
}
