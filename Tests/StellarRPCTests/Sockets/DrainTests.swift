import NIOCore
import StellarRPC
import StellarTestKit
import Synchronization
import Testing

/// The graceful shutdown of a server, seen by its clients.
@Suite(.timeLimit(.minutes(5))) struct DrainTests {
    /// The open call ends on the first server; later calls go to the second one.
    @Test func openCallsEndAndNewOnesGoOn() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        func methods(_ name: String) -> [RPCMethodHandler] {
            [
                .unary(bytes: "Who") { _, _ in ByteBuffer(string: name) },
                .unary(bytes: "Slow") { _, _ in
                    start.yield()
                    for await _ in gate { break }
                    return ByteBuffer(string: name)
                },
            ]
        }
        let path = ConnectionLifeTests.path()
        let first = RPCServer(services: [RPCService(name: "test.Echo", methods: methods("first"))])
        let second = RPCServer(services: [RPCService(name: "test.Echo", methods: methods("second"))])
        _ = try await first.bind(.unix(path: path))
        let client = RPCClient(address: .unix(path: path))
        let slow = Task { try await client.unary(method("Slow"), ByteBuffer()) }
        for await _ in started { break }
        let shutdown = Task { await first.shutdown(grace: .seconds(240)) }
        try await eventually("the path is free", within: .seconds(60)) { try await second.bind(.unix(path: path)) }
        let options = RPCCallOptions(waitForReady: true)
        // Until the client has received GOAWAY, the first server responds: no call is lost.
        try await eventually("calls go to the second server", within: .seconds(60)) { () -> Bool? in
            let response = try await String(buffer: client.unary(method("Who"), ByteBuffer(), options: options))
            #expect(["first", "second"].contains(response))
            return response == "second" ? true : nil
        }
        open.yield()
        #expect(try await String(buffer: slow.value) == "first")
        await shutdown.value
        await second.shutdown(grace: .zero)
        await client.close()
    }

    /// The server waits for a client that ignores GOAWAY no longer than the grace.
    @Test func openCallsFailWhenTheGraceEnds() async throws {
        let server = RPCServer(services: [InteropService().service])
        let address = try await server.bind(.tcp(host: "127.0.0.1", port: 0))
        let connection = try RawConnection(to: address)
        let call = H2.headers(1, H2.request("Wait")) + H2.data(1, H2.message([]), end: true)
        try await connection.send(H2.hello + call + H2.frame(6, Array(repeating: 1, count: 8)))
        try await connection.awaitFrame("the response to a ping") { $0.type == 6 && $0.flags == 1 }
        await server.shutdown(grace: .milliseconds(50))
        try await connection.awaitEnd()
        #expect(H2.fields(of: 1, in: connection.frames)["grpc-status"] == "14")
        #expect(connection.goAway?.code == 0)
    }
}
