import FoundationEssentials
import NIOCore
import StellarRPC
import StellarTestKit

/// Python's side of the interoperability tests.
enum InteropPython {
    private static let interpreter = "/usr/bin/python3"

    private static func script(_ name: String, file: String = #filePath) -> String {
        file.prefix(through: file.lastIndex(of: "/") ?? file.startIndex) + name
    }

    /// Runs one scenario of client.py, which checks everything itself.
    static func run(_ scenario: String, against target: String, tls: [String] = []) async throws {
        try await ChildProcess.check(interpreter, [script("client.py"), target, scenario] + tls)
    }

    /// A server.py that runs.
    struct Server {
        let port: Int
        let process: BackgroundProcess

        /// Waits until it has printed a line that begins so, and returns the rest of that line.
        func line(after prefix: String) async throws -> String {
            try await InteropPython.line(after: prefix, of: process)
        }
    }

    /// A server.py, for the time of `body`.
    static func withServer<R>(_ arguments: [String] = [], _ body: (Server) async throws -> R) async throws -> R {
        try await TemporaryDirectory.with { directory in
            let process = try BackgroundProcess(
                interpreter,
                [script("server.py")] + arguments,
                log: "\(directory)/log"
            )
            defer { process.kill() }
            let port = Int(try await line(after: "PORT ", of: process)) ?? 0
            return try await body(Server(port: port, process: process))
        }
    }

    private static func line(after prefix: String, of process: BackgroundProcess) async throws -> String {
        try await eventually("\(prefix) of server.py") { () -> String? in
            let printed = String(decoding: try Data(contentsOf: URL(filePath: process.log)), as: UTF8.self)
            return printed.split(separator: "\n").first { $0.hasPrefix(prefix) }.map {
                String($0.dropFirst(prefix.count))
            }
        }
    }
}

/// Runs `body` with a server on loopback.
func withServer<R>(
    _ services: [RPCService],
    _ configuration: RPCServerConfiguration = .init(),
    on address: RPCAddress = .tcp(host: "127.0.0.1", port: 0),
    _ body: (RPCServer, RPCAddress) async throws -> R
) async throws -> R {
    let server = RPCServer(services: services, configuration: configuration)
    let bound = try await server.bind(address)
    do {
        let value = try await body(server, bound)
        await server.shutdown(grace: .zero)
        return value
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
}

/// Runs `body` with a client.
func withClient<R>(
    _ address: RPCAddress,
    _ configuration: RPCClientConfiguration = .init(),
    _ body: (RPCClient) async throws -> R
) async throws -> R {
    let client = RPCClient(address: address, configuration: configuration)
    do {
        let value = try await body(client)
        await client.close()
        return value
    } catch {
        await client.close()
        throw error
    }
}
