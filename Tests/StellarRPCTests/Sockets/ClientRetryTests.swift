import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// The calls that a client retries, and those that it must not, against a scripted server.
@Suite(.timeLimit(.minutes(5))) struct ClientRetryTests {
    typealias Call = Task<Result<String, RPCError>, Never>

    private static func call(_ client: RPCClient, _ request: String) -> Call {
        Task {
            do {
                return .success(String(buffer: try await client.unary(method("Unary"), ByteBuffer(string: request))))
            } catch {
                return .failure(error as? RPCError ?? RPCError(.unknown, "\(error)"))
            }
        }
    }

    /// Runs one call beside the server's script, then closes the client.
    ///
    /// - Returns: the result of the call.
    private func withCall(
        _ request: String,
        _ configuration: RPCClientConfiguration = .init(),
        _ server: (ScriptedServer, RPCClient, Call) async throws -> Void
    ) async throws -> Result<String, RPCError> {
        let scripted = try ScriptedServer()
        let client = RPCClient(address: scripted.address, configuration: configuration)
        let call = Self.call(client, request)
        do {
            try await server(scripted, client, call)
        } catch {
            call.cancel()
            await client.close()
            throw error
        }
        let result = await call.value
        await client.close()
        return result
    }

    /// Expects that another call uses a new connection.
    private func expectOther(_ server: ScriptedServer, _ client: RPCClient) async throws {
        let other = Self.call(client, "other")
        let second = try await server.accept()
        try await second.send(H2.serverHello)
        #expect(try await second.awaitRequest(1) == "other")
        try await second.send(H2.response(1, "done"))
        #expect(await other.value == .success("done"))
        #expect(second.openedStreams == [1])
    }

    @Test func aCallBehindGoAwayIsSentToTheNextConnection() async throws {
        let result = try await withCall("again") { server, _, _ in
            let first = try await server.accept()
            try await first.send(H2.serverHello)
            #expect(try await first.awaitRequest(1) == "again")
            try await first.send(H2.goAway(last: 0))
            let second = try await server.accept()
            try await second.send(H2.serverHello)
            #expect(try await second.awaitRequest(1) == "again")
            try await second.send(H2.response(1, "done"))
            // The client has closed the first connection.
            try await first.awaitEnd()
        }
        #expect(result == .success("done"))
    }

    @Test func aCallThatMayHaveBeenProcessedIsNotSentAgain() async throws {
        let result = try await withCall("once") { server, client, call in
            let first = try await server.accept()
            try await first.send(H2.serverHello)
            #expect(try await first.awaitRequest(1) == "once")
            try await first.send(H2.goAway(last: 1))
            first.close()
            _ = await call.value
            try await expectOther(server, client)
        }
        #expect(result.failureCode == .unavailable)
    }

    /// The connection breaks without GOAWAY.
    @Test func aLostCallIsNotSentAgain() async throws {
        let result = try await withCall("once") { server, client, call in
            let first = try await server.accept()
            try await first.send(H2.serverHello)
            #expect(try await first.awaitRequest(1) == "once")
            first.close()
            _ = await call.value
            try await expectOther(server, client)
        }
        #expect(result.failureCode == .unavailable)
    }

    @Test func aRefusedStreamIsOpenedAgain() async throws {
        let result = try await withCall("again") { server, _, _ in
            let connection = try await server.accept()
            try await connection.send(H2.serverHello)
            #expect(try await connection.awaitRequest(1) == "again")
            try await connection.send(H2.reset(1, code: 7))
            #expect(try await connection.awaitRequest(3) == "again")
            try await connection.send(H2.response(3, "done"))
        }
        #expect(result == .success("done"))
    }

    @Test func refusedStreamsAreRetriedUpToTheLimit() async throws {
        var configuration = RPCClientConfiguration()
        configuration.maxAttempts = 3
        let result = try await withCall("again", configuration) { server, _, _ in
            let connection = try await server.accept()
            try await connection.send(H2.serverHello)
            for stream in [1, 3, 5] as [UInt32] {
                _ = try await connection.awaitRequest(stream)
                try await connection.send(H2.reset(stream, code: 7))
            }
        }
        #expect(result.failureCode == .unavailable)
    }

    /// An error after which the call may have been processed.
    @Test func aBrokenStreamIsNotOpenedAgain() async throws {
        let result = try await withCall("once") { server, client, call in
            let connection = try await server.accept()
            try await connection.send(H2.serverHello)
            _ = try await connection.awaitRequest(1)
            try await connection.send(H2.reset(1, code: 2))
            _ = await call.value
            // The connection stays usable.
            let other = Self.call(client, "other")
            #expect(try await connection.awaitRequest(3) == "other")
            try await connection.send(H2.response(3, "done"))
            #expect(await other.value == .success("done"))
            #expect(connection.openedStreams == [1, 3])
        }
        #expect(result.failureCode == .internalError)
    }

    /// Connections that end before they are ready: the attempts come one after another.
    @Test func connectsUntilACallSucceeds() async throws {
        let server = try ScriptedServer()
        var configuration = RPCClientConfiguration()
        configuration.backoff.initial = .milliseconds(10)
        configuration.backoff.maximum = .milliseconds(50)
        let client = RPCClient(address: server.address, configuration: configuration)
        let call = Task {
            try await client.unary(method("Unary"), ByteBuffer(string: "late"), options: .init(waitForReady: true))
        }
        for _ in 0..<5 {
            let connection = try await server.accept()
            #expect(server.acceptNow() == nil)
            connection.close()
        }
        let connection = try await server.accept()
        try await connection.send(H2.serverHello)
        #expect(try await connection.awaitRequest(1) == "late")
        try await connection.send(H2.response(1, "done"))
        #expect(try await String(buffer: call.value) == "done")
        await client.close()
    }
}

extension Result where Failure == RPCError {
    fileprivate var failureCode: RPCCode? {
        if case .failure(let error) = self { error.code } else { nil }
    }
}
