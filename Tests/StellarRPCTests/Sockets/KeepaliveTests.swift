import NIOCore
import StellarRPC
import StellarTestKit
import Synchronization
import Testing

/// Connected peers that are silent.
@Suite(.timeLimit(.minutes(5))) struct KeepaliveTests {
    @Test func aClientClosesASilentServersConnection() async throws {
        let server = try ScriptedServer()
        var configuration = RPCClientConfiguration()
        configuration.keepalive = RPCKeepalive(interval: .milliseconds(200), timeout: .milliseconds(200))
        let client = RPCClient(address: server.address, configuration: configuration)
        let call = Task { await failure { try await client.unary(method("Unary"), ByteBuffer(string: "first")) } }
        let first = try await server.accept()
        try await first.send(H2.serverHello)
        // It takes the call and the pings, and responds to none.
        try await first.awaitEnd()
        #expect(first.frames.contains { $0.type == 6 && $0.flags == 0 })
        let error = await call.value
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("did not respond to a ping") == true)
        // The next call has a new connection. Its keepalive is not part of this test.
        let next = Task { await failure { try await client.unary(method("Unary"), ByteBuffer(string: "next")) } }
        let second = try await server.accept()
        try await second.send(H2.serverHello)
        #expect(try await second.awaitRequest(1) == "next")
        next.cancel()
        _ = await next.value
        await client.close()
    }

    @Test func aServerClosesASilentClientsConnection() async throws {
        let cancelled = Mutex(false)
        let waited = InteropService(cancelled: { cancelled.withLock { $0 = true } })
        var configuration = RPCServerConfiguration()
        configuration.keepalive = RPCKeepalive(interval: .milliseconds(200), timeout: .milliseconds(200))
        try await withServer([waited.service], configuration) { _, address in
            let connection = try RawConnection(to: address)
            let call = H2.headers(1, H2.request("Wait")) + H2.data(1, H2.message([]), end: true)
            try await connection.send(H2.hello + call)
            try await connection.awaitEnd()
            #expect(connection.frames.contains { $0.type == 6 && $0.flags == 0 })
            // Its call is cancelled.
            try await eventually("the handler is cancelled", within: .seconds(60)) { () -> Bool? in
                cancelled.withLock { $0 } ? true : nil
            }
        }
    }

    /// A client that responds stays connected, however long its call is silent.
    @Test func aServerKeepsAClientThatResponds() async throws {
        var configuration = RPCServerConfiguration()
        configuration.keepalive = RPCKeepalive(interval: .milliseconds(20), timeout: .seconds(60))
        try await withServer([InteropService().service], configuration) { _, address in
            let connection = try RawConnection(to: address)
            let call = H2.headers(1, H2.request("Bidirectional"))
            try await connection.send(H2.hello + call)
            for count in 1...5 {
                let ping = try await eventually("ping \(count)", within: .seconds(60)) { () -> H2.Frame? in
                    connection.receiveNow()
                    let pings = connection.frames.filter { $0.type == 6 && $0.flags == 0 }
                    return pings.count >= count ? pings[count - 1] : nil
                }
                try await connection.send(H2.frame(6, flags: 1, ping.payload))
            }
            try await connection.send(H2.data(1, H2.message([7]), end: true))
            try await connection.awaitFrame("the end of the call") { $0.stream == 1 && $0.endsStream }
            #expect(connection.ending == nil)
        }
    }
}
