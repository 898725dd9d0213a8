import Glibc
import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// This project's client calls Python's grpcio.
@Suite(.requires(.grpcio)) struct InteropClientTests {
    private func method(_ name: String) -> RPCMethod { InteropService.method(name) }

    private func withPython(
        _ configuration: RPCClientConfiguration = .init(),
        _ body: (RPCClient, InteropPython.Server) async throws -> Void
    ) async throws {
        try await InteropPython.withServer { server in
            try await withClient(.tcp(host: "127.0.0.1", port: server.port), configuration) { client in
                try await body(client, server)
            }
        }
    }

    /// The error of a call that must fail.
    private func failure(_ body: () async throws -> Void) async -> RPCError? {
        do {
            try await body()
            Issue.record("no error")
            return nil
        } catch let error as RPCError {
            return error
        } catch {
            Issue.record("\(error) is no RPCError")
            return nil
        }
    }

    @Test func unaryOfManySizesAndManyAtATime() async throws {
        try await withPython { client, _ in
            for size in [0, 1, 5, 16_383, 16_384, 65_535, 65_536, 1_000_000] {
                let bytes = ByteBuffer(repeating: 7, count: size)
                #expect(try await client.unary(method("Unary"), bytes) == bytes)
            }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        let bytes = ByteBuffer(string: String(repeating: "\(index)", count: 100))
                        return try await client.unary(InteropService.method("Unary"), bytes) == bytes
                    }
                }
                for try await same in group { #expect(same) }
            }
        }
    }

    @Test func serverStream() async throws {
        try await withPython { client, _ in
            try await client.withCall(method("ServerStream")) { call in
                try await call.send(ByteBuffer(string: "1000 1000"))
                call.finishSending()
                var index = 0
                for try await message in call.responses {
                    #expect(message == ByteBuffer(repeating: UInt8(index % 256), count: 1000))
                    index += 1
                }
                #expect(index == 1000)
            }
        }
    }

    @Test func clientStream() async throws {
        try await withPython { client, _ in
            try await client.withCall(method("ClientStream")) { call in
                for _ in 0..<1000 { try await call.send(ByteBuffer(repeating: 1, count: 1000)) }
                call.finishSending()
                var responses: [String] = []
                for try await message in call.responses { responses.append(String(buffer: message)) }
                #expect(responses == ["1000 1000000"])
            }
        }
    }

    @Test func bidirectional() async throws {
        try await withPython { client, _ in
            try await client.withCall(method("Bidirectional")) { call in
                var responses = call.responses.makeAsyncIterator()
                for index in 0..<200 {
                    try await call.send(ByteBuffer(string: "\(index)"))
                    #expect(try await responses.next() == ByteBuffer(string: "\(index)"))
                }
                call.finishSending()
                #expect(try await responses.next() == nil)
            }
        }
    }

    @Test func metadataBothWays() async throws {
        try await withPython { client, _ in
            var sent = RPCMetadata()
            sent.add("x-text", "plain text, with = and ,")
            sent.add("x-twice", "one")
            sent.add("x-twice", "two")
            sent.add("x-raw-bin", binary: Array(0...255))
            sent.add("x-more-bin", binary: Array("a,b".utf8))
            sent.add("x-more-bin", binary: [0xff, 0xfe])
            sent.add("x-long", String(repeating: "v", count: 4000))
            try await client.withCall(method("Unary"), options: .init(metadata: sent)) { call in
                try await call.send(ByteBuffer(string: "m"))
                call.finishSending()
                for try await _ in call.responses {}
                let initial = try await call.initialMetadata()
                let trailing = await call.trailingMetadata()
                #expect(initial.strings("x-text") == ["plain text, with = and ,"])
                #expect(initial.strings("x-twice") == ["one", "two"])
                #expect(initial.binaries("x-raw-bin") == [Array(0...255)])
                #expect(initial.binaries("x-more-bin") == [Array("a,b".utf8), [0xff, 0xfe]])
                #expect(initial["x-long"]?.count == 4000)
                #expect(trailing.binaries("tx-raw-bin") == [Array(0...255)])
                #expect(trailing.strings("tx-twice") == ["one", "two"])
            }
        }
    }

    @Test func statusWithUnicodeMessageAndMetadata() async throws {
        try await withPython { client, _ in
            for code in 1...16 {
                for message in ["no such thing", "ünïcödé: 日本語 🚀 100% \r\n\t"] {
                    let error = await failure {
                        _ = try await client.unary(method("Fail"), ByteBuffer(string: "\(code) \(message)"))
                    }
                    #expect(error?.code.rawValue == code)
                    #expect(error?.message == message)
                    #expect(error?.metadata.binaries("x-why-bin") == [[0, 255]])
                }
            }
            let unknown = await failure { _ = try await client.unary(method("None"), ByteBuffer()) }
            #expect(unknown?.code == .unimplemented)
        }
    }

    @Test func deadlineReachesTheServer() async throws {
        try await withPython { client, server in
            let left = try await client.unary(method("Remaining"), ByteBuffer(), options: .init(timeout: .seconds(100)))
            #expect((50_000...100_000).contains(Int(String(buffer: left)) ?? 0))
            #expect(try await client.unary(method("Remaining"), ByteBuffer()) == ByteBuffer(string: "none"))
            // Time enough for the call to begin on a busy machine.
            let error = await failure {
                _ = try await client.unary(method("Wait"), ByteBuffer(), options: .init(timeout: .seconds(3)))
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(try await server.line(after: "CANCELLED") == "")
        }
    }

    @Test func cancellationReachesTheServer() async throws {
        try await withPython { client, server in
            let call = Task { try await client.unary(InteropService.method("Wait"), ByteBuffer()) }
            _ = try await server.line(after: "WAITING")
            call.cancel()
            let error = await failure { _ = try await call.value }
            #expect(error?.code == .cancelled)
            #expect(try await server.line(after: "CANCELLED") == "")
        }
    }

    @Test func largeMessages() async throws {
        try await withPython { client, _ in
            let bytes = ByteBuffer(repeating: 9, count: 10 << 20)
            #expect(try await client.unary(method("Unary"), bytes) == bytes)
            let response = try await client.unary(method("Large"), ByteBuffer(string: "\(12 << 20)"))
            #expect(response.readableBytes == 12 << 20)
        }
    }

    @Test func overLimitsOfEitherSide() async throws {
        try await withPython { client, _ in
            let tooLarge = await failure {
                _ = try await client.unary(method("Large"), ByteBuffer(string: "\(17 << 20)"))
            }
            #expect(tooLarge?.code == .resourceExhausted)
            let refused = await failure {
                _ = try await client.unary(method("Unary"), ByteBuffer(repeating: 9, count: 17 << 20))
            }
            #expect(refused?.code == .resourceExhausted)
            let response = try await client.unary(method("Unary"), ByteBuffer(string: "on"))
            #expect(response == ByteBuffer(string: "on"))
        }
    }

    /// grpcio says GOAWAY and lets the open call end.
    @Test func goawayLetsOpenCallsEnd() async throws {
        try await withPython { client, _ in
            try await client.withCall(method("Bidirectional")) { call in
                var responses = call.responses.makeAsyncIterator()
                try await call.send(ByteBuffer(string: "before"))
                #expect(try await responses.next() == ByteBuffer(string: "before"))
                _ = try await client.unary(method("Stop"), ByteBuffer())
                try await eventually("new calls are refused") { () -> Bool? in
                    let timeout = RPCCallOptions(timeout: .seconds(2))
                    do {
                        _ = try await client.unary(method("Unary"), ByteBuffer(), options: timeout)
                        return nil
                    } catch let error as RPCError {
                        return error.code == .unavailable ? true : nil
                    }
                }
                try await call.send(ByteBuffer(string: "after"))
                #expect(try await responses.next() == ByteBuffer(string: "after"))
                call.finishSending()
                #expect(try await responses.next() == nil)
            }
        }
    }

    @Test func keepaliveNoticesAStoppedPeer() async throws {
        var configuration = RPCClientConfiguration()
        // Long enough for a busy machine to respond to a ping.
        configuration.keepalive = RPCKeepalive(interval: .milliseconds(200), timeout: .seconds(10))
        try await withPython(configuration) { client, server in
            try await client.withCall(method("Bidirectional")) { call in
                var responses = call.responses.makeAsyncIterator()
                try await call.send(ByteBuffer(string: "before"))
                #expect(try await responses.next() == ByteBuffer(string: "before"))
                // The server responds to pings for a while.
                try await Task.sleep(for: .seconds(1))
                try await call.send(ByteBuffer(string: "after"))
                #expect(try await responses.next() == ByteBuffer(string: "after"))
                server.process.signal(SIGSTOP)
                // Without the pings this would wait until the peer is continued.
                let error = await failure { _ = try await responses.next() }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("did not respond to a ping") == true)
            }
        }
    }

    @Test func overUnixSocket() async throws {
        try await TemporaryDirectory.with { directory in
            try await InteropPython.withServer(["--unix", "\(directory)/s"]) { _ in
                try await withClient(.unix(path: "\(directory)/s")) { client in
                    let bytes = ByteBuffer(repeating: 3, count: 1 << 20)
                    let response = try await client.unary(method("Unary"), bytes)
                    #expect(response == bytes)
                }
            }
        }
    }

    @Test func mutualTLS() async throws {
        try await TLSFixture.with { fixture in
            let arguments = ["--tls", fixture.server.certificate, fixture.server.key, fixture.authority.certificate]
            try await InteropPython.withServer(arguments) { server in
                let address = RPCAddress.tcp(host: "127.0.0.1", port: server.port)
                let known = RPCClientConfiguration(tls: fixture.mutualClientConfiguration)
                try await withClient(address, known) { client in
                    let name = try await client.unary(method("Who"), ByteBuffer())
                    #expect(name == ByteBuffer(string: "node1"))
                    let bytes = ByteBuffer(repeating: 3, count: 10 << 20)
                    let response = try await client.unary(method("Unary"), bytes)
                    #expect(response == bytes)
                }
                // No certificate; a name that is not the server's.
                var wrongName = fixture.mutualClientConfiguration
                wrongName.serverName = "other"
                for configuration in [fixture.clientConfiguration, wrongName] {
                    try await withClient(address, RPCClientConfiguration(tls: configuration)) { client in
                        let error = await failure {
                            _ = try await client.unary(
                                method("Who"),
                                ByteBuffer(),
                                options: .init(timeout: .seconds(60))
                            )
                        }
                        #expect(error?.code == .unavailable)
                    }
                }
            }
        }
    }
}
