import NIOCore
import StellarAPI
import StellarRPC
import StellarTestKit
import Synchronization
import Testing

/// Python's grpcio calls this project's server. client.py has the checks, one function per scenario.
@Suite(.requires(.grpcio)) struct InteropServerTests {
    @Test(arguments: [
        "unary", "concurrent", "server_stream", "client_stream", "bidirectional", "metadata", "errors", "compressed",
        "large", "over_limit", "keepalive", "many",
    ])
    func scenario(_ name: String) async throws {
        try await withServer([InteropService().service]) { _, address in
            try await InteropPython.run(name, against: "\(address)")
        }
    }

    @Test func health() async throws {
        let health = RPCHealth()
        health.set(.notServing, for: InteropService.name)
        let service = InteropService(stop: {
            health.set(.serving, for: InteropService.name)
            health.shutdown()
        })
        try await withServer([service.service, health.service]) { _, address in
            try await InteropPython.run("health", against: "\(address)")
        }
    }

    @Test func reflection() async throws {
        let services = [InteropService().service]
        let reflection = try RPCReflection(services: services, files: StellarAPIDescriptors.files)
        try await withServer(services + reflection.services) { _, address in
            try await InteropPython.run("reflection", against: "\(address)")
        }
    }

    @Test(arguments: ["unary", "bidirectional", "large"])
    func overUnixSocket(_ name: String) async throws {
        try await TemporaryDirectory.with { directory in
            try await withServer([InteropService().service], on: .unix(path: "\(directory)/s")) { _, _ in
                try await InteropPython.run(name, against: "unix:\(directory)/s")
            }
        }
    }

    /// The handler's task is cancelled, and the caller sees its deadline.
    @Test(arguments: ["deadline", "cancel"])
    func ending(_ name: String) async throws {
        let cancelled = Atomic<Int>(0)
        let service = InteropService(cancelled: { cancelled.add(1, ordering: .relaxed) })
        try await withServer([service.service]) { _, address in
            try await InteropPython.run(name, against: "\(address)")
            try await eventually("the handler is cancelled") { cancelled.load(ordering: .relaxed) == 1 ? true : nil }
        }
    }

    @Test func goaway() async throws {
        let done = AsyncStream.makeStream(of: Void.self)
        let service = InteropService(stop: { done.continuation.finish() })
        try await withServer([service.service]) { server, address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await InteropPython.run("goaway", against: "\(address)") }
                group.addTask {
                    for await _ in done.stream {}
                    await server.shutdown(grace: .seconds(120))
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: ["who", "unary", "bidirectional", "large", "metadata", "errors"])
    func mutualTLS(_ name: String) async throws {
        try await TLSFixture.with { fixture in
            let configuration = RPCServerConfiguration(tls: fixture.mutualServerConfiguration)
            try await withServer([InteropService().service], configuration) { _, address in
                let files = [fixture.authority.certificate, fixture.client.certificate, fixture.client.key]
                try await InteropPython.run(name, against: "\(address)", tls: files)
            }
        }
    }

    /// Without a certificate, or with one of another authority, no call reaches a handler.
    @Test func mutualTLSRefusesStrangers() async throws {
        try await TLSFixture.with { fixture in
            let other = try await TestAuthority(directory: fixture.directory, name: "other")
            let stranger = try await other.issue("stranger", for: .client)
            let configuration = RPCServerConfiguration(tls: fixture.mutualServerConfiguration)
            try await withServer([InteropService().service], configuration) { _, address in
                let ca = fixture.authority.certificate
                try await InteropPython.run("untrusted", against: "\(address)", tls: [ca])
                try await InteropPython.run(
                    "untrusted",
                    against: "\(address)",
                    tls: [ca, stranger.certificate, stranger.key]
                )
                // Nor does one that does not trust our certificate, or speaks no TLS.
                try await InteropPython.run(
                    "untrusted",
                    against: "\(address)",
                    tls: [other.certificate, fixture.client.certificate, fixture.client.key]
                )
                try await InteropPython.run("untrusted", against: "\(address)")
                // And those who may are served.
                let files = [ca, fixture.client.certificate, fixture.client.key]
                try await InteropPython.run("who", against: "\(address)", tls: files)
            }
        }
    }
}
