import NIOCore
import NIOPosix
import StellarRPC

/// Runs `body` with a server and a client on loopback.
func withLoopback<R: Sendable>(
    _ methods: [RPCMethodHandler],
    unixPath: String? = nil,
    authorizer: (any RPCAuthorizer)? = nil,
    server serverConfiguration: RPCServerConfiguration = .init(),
    client clientConfiguration: RPCClientConfiguration = .init(),
    _ body: (RPCClient, RPCServer) async throws -> R
) async throws -> R {
    let server = RPCServer(
        services: [RPCService(name: "test.Echo", methods: methods, authorizer: authorizer)],
        configuration: serverConfiguration
    )
    let address = try await server.bind(unixPath.map { .unix(path: $0) } ?? .tcp(host: "127.0.0.1", port: 0))
    let client = RPCClient(address: address, configuration: clientConfiguration)
    do {
        let result = try await body(client, server)
        await server.shutdown(grace: .zero)
        await client.close()
        return result
    } catch {
        await server.shutdown(grace: .zero)
        await client.close()
        throw error
    }
}

func method(_ name: String) -> RPCMethod { RPCMethod("test.Echo", name) }

extension RPCMessages {
    func collect() async throws -> [String] {
        var texts: [String] = []
        for try await message in self { texts.append(String(buffer: message)) }
        return texts
    }
}

/// The error of a call that must fail.
func failure(_ body: () async throws -> some Sendable) async -> RPCError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? RPCError
    }
}

/// Methods of all four kinds.
let echoMethods: [RPCMethodHandler] = [
    .unary(bytes: "Unary") { request, call in
        call.setTrailingMetadata(["trail": "er"])
        return ByteBuffer(string: "<\(String(buffer: request))>")
    },
    .serverStreaming(bytes: "Split") { request, call in
        for word in String(buffer: request).split(separator: " ") {
            try await call.send(ByteBuffer(string: String(word)))
        }
    },
    .streaming(bytes: "Join") { call in
        try await call.send(ByteBuffer(string: try await call.requests.collect().joined(separator: " ")))
    },
    .streaming(bytes: "Each") { call in
        call.sendInitialMetadata(["seen": call.metadata["ask"] ?? "nothing"])
        for try await message in call.requests {
            try await call.send(ByteBuffer(string: "<\(String(buffer: message))>"))
        }
        var trailers = RPCMetadata()
        trailers.add("sum-bin", binary: [0, 255, 1])
        call.setTrailingMetadata(trailers)
    },
    .unary(bytes: "Fail") { _, _ in
        throw RPCError(.failedPrecondition, "größer als 100 %\n", metadata: ["why": "because"])
    },
    .unary(bytes: "Odd") { _, _ in throw OddError() },
]

struct OddError: Error, CustomStringConvertible {
    var description: String { "odd" }
}
