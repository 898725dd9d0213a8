import NIOCore
import StellarRPC
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Connecting, losing, draining.
@Suite(.timeLimit(.minutes(10))) struct ConnectionLifeTests {
    static func path() -> String { "/tmp/stellar-rpc-\(UInt64.random(in: 0...UInt64.max)).sock" }

    static func server() -> RPCServer { RPCServer(services: [RPCService(name: "test.Echo", methods: echoMethods)]) }

    @Test func anUnreachableServerIsUnavailable() async throws {
        let client = RPCClient(address: .unix(path: "/nonexistent/x.sock"))
        let error = await failure { try await client.unary(method("Unary"), ByteBuffer()) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("unix:///nonexistent/x.sock") == true)
        await client.close()
        let closed = await failure { try await client.unary(method("Unary"), ByteBuffer()) }
        #expect(closed == RPCError(.unavailable, "the client is closed"))
    }

    @Test func waitForReadyWaits() async throws {
        let path = Self.path()
        let client = RPCClient(address: .unix(path: path))
        let waiting = Task {
            try await client.unary(method("Unary"), ByteBuffer(string: "late"), options: .init(waitForReady: true))
        }
        // When another call fails, the first attempt has failed.
        #expect(await failure { try await client.unary(method("Unary"), ByteBuffer()) }?.code == .unavailable)
        let server = Self.server()
        _ = try await server.bind(.unix(path: path))
        #expect(try await String(buffer: waiting.value) == "<late>")
        await server.shutdown(grace: .zero)
        await client.close()
    }

    @Test func deadlineWhileWaiting() async throws {
        let client = RPCClient(address: .unix(path: Self.path()))
        let error = await failure {
            try await client.unary(
                method("Unary"),
                ByteBuffer(),
                options: .init(timeout: .milliseconds(100), waitForReady: true)
            )
        }
        #expect(error?.code == .deadlineExceeded)
        await client.close()
    }

    @Test func reconnects() async throws {
        let path = Self.path()
        let client = RPCClient(address: .unix(path: path))
        for _ in 0..<5 {
            let server = Self.server()
            _ = try await server.bind(.unix(path: path))
            let options = RPCCallOptions(timeout: .seconds(120), waitForReady: true)
            let response = try await String(buffer: client.unary(method("Unary"), ByteBuffer(), options: options))
            #expect(response == "<>")
            await server.shutdown(grace: .zero)
        }
        await client.close()
    }

    /// The server waits for the open call to end. New connections are refused.
    @Test func gracefulShutdown() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let methods: [RPCMethodHandler] = [
            .unary(bytes: "Slow") { _, _ in
                start.yield()
                for await _ in gate { break }
                return ByteBuffer(string: "done")
            }
        ]
        try await withLoopback(methods) { client, server in
            let call = Task { try await client.unary(method("Slow"), ByteBuffer()) }
            for await _ in started { break }
            let shutdown = Task { await server.shutdown(grace: .seconds(60)) }
            // The listener is closed first, so a new connection is refused once shutdown has begun.
            var refused = false
            while !refused {
                let other = RPCClient(address: client.address)
                refused = await failure { try await other.unary(method("None"), ByteBuffer()) }?.code == .unavailable
                await other.close()
            }
            open.yield()
            #expect(try await String(buffer: call.value) == "done")
            await shutdown.value
            try await server.run()
        }
    }

    @Test func cancelledRunShutsDown() async throws {
        let server = Self.server()
        let address = try await server.bind(.tcp(host: "127.0.0.1", port: 0))
        let running = Task { try await server.run() }
        running.cancel()
        try await running.value
        let client = RPCClient(address: address)
        #expect(await failure { try await client.unary(method("Unary"), ByteBuffer()) }?.code == .unavailable)
        await client.close()
    }

    @Test func unixSocketFile() async throws {
        let path = Self.path()
        let first = Self.server()
        _ = try await first.bind(.unix(path: path))
        var status = stat()
        #expect(lstat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        // A running server keeps it.
        let second = Self.server()
        let error = await failure { try await second.bind(.unix(path: path)) }
        #expect(error?.code == .alreadyExists)
        await first.shutdown(grace: .zero)
        #expect(lstat(path, &status) != 0)
        // A file that a crash left behind is replaced.
        let stale = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(stale)
        _ = try await second.bind(.unix(path: path))
        await second.shutdown(grace: .zero)
        #expect(lstat(path, &status) != 0)
    }

    @Test func aPortInUseIsRefused() async throws {
        let first = Self.server()
        let address = try await first.bind(.tcp(host: "127.0.0.1", port: 0))
        let second = Self.server()
        let error = await failure { try await second.bind(address) }
        #expect(error?.code == .alreadyExists)
        #expect(error?.message.contains("\(address)") == true)
        await first.shutdown(grace: .zero)
        await second.shutdown(grace: .zero)
    }

    @Test func tooManyConnections() async throws {
        var configuration = RPCServerConfiguration()
        configuration.limits.maxConnections = 2
        try await withLoopback(echoMethods, server: configuration) { client, _ in
            let second = RPCClient(address: client.address)
            let third = RPCClient(address: client.address)
            for client in [client, second] {
                let response = try await String(buffer: client.unary(method("Unary"), ByteBuffer()))
                #expect(response == "<>")
            }
            #expect(await failure { try await third.unary(method("Unary"), ByteBuffer()) }?.code == .unavailable)
            await second.close()
            await third.close()
        }
    }
}
