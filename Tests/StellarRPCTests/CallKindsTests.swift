import NIOCore
import StellarRPC
import Testing

@Suite(.timeLimit(.minutes(10))) struct CallKindsTests {
    @Test func unary() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let response = try await client.unary(method("Unary"), ByteBuffer(string: "hello"))
            #expect(String(buffer: response) == "<hello>")
        }
    }

    @Test func emptyMessage() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let response = try await client.unary(method("Unary"), ByteBuffer())
            #expect(String(buffer: response) == "<>")
        }
    }

    @Test func manyAtOnce() async throws {
        var configuration = RPCServerConfiguration()
        configuration.limits.maxConcurrentStreams = 7
        try await withLoopback(echoMethods, server: configuration) { client, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let response = try await client.unary(method("Unary"), ByteBuffer(string: "\(number)"))
                        return String(buffer: response) == "<\(number)>"
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test func serverStreaming() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let words = try await client.withCall(method("Split")) { call in
                try await call.send(ByteBuffer(string: "a b c"))
                call.finishSending()
                return try await call.responses.collect()
            }
            #expect(words == ["a", "b", "c"])
        }
    }

    @Test func serverStreamingOfNothing() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let words = try await client.withCall(method("Split")) { call in
                try await call.send(ByteBuffer())
                call.finishSending()
                return try await call.responses.collect()
            }
            #expect(words == [])
        }
    }

    @Test func clientStreaming() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let joined = try await client.withCall(method("Join")) { call in
                for word in ["a", "b", "c"] { try await call.send(ByteBuffer(string: word)) }
                call.finishSending()
                return try await call.responses.collect()
            }
            #expect(joined == ["a b c"])
        }
    }

    @Test func bidirectionalWithMetadata() async throws {
        try await withLoopback(echoMethods) { client, _ in
            try await client.withCall(method("Each"), options: .init(metadata: ["ask": "this"])) { call in
                // Headers come before any message.
                #expect(try await call.initialMetadata()["seen"] == "this")
                var responses = call.responses.makeAsyncIterator()
                for number in 0..<20 {
                    try await call.send(ByteBuffer(string: "\(number)"))
                    let response = try await responses.next()
                    #expect(response.map { String(buffer: $0) } == "<\(number)>")
                }
                call.finishSending()
                #expect(try await responses.next() == nil)
                #expect(await call.trailingMetadata().binaries("sum-bin") == [[0, 255, 1]])
            }
        }
    }

    @Test func overUnixSocket() async throws {
        let path = "/tmp/stellar-rpc-\(UInt64.random(in: 0...UInt64.max)).sock"
        try await withLoopback(echoMethods, unixPath: path) { client, _ in
            let response = try await client.unary(method("Unary"), ByteBuffer(string: "hello"))
            #expect(String(buffer: response) == "<hello>")
        }
    }

    @Test func aHandlersErrorIsTheStatus() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let error = await failure { try await client.unary(method("Fail"), ByteBuffer()) }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message == "größer als 100 %\n")
            #expect(error?.metadata["why"] == "because")
            let odd = await failure { try await client.unary(method("Odd"), ByteBuffer()) }
            #expect(odd == RPCError(.unknown, "odd"))
        }
    }

    @Test func unknownMethodsAndServicesAreUnimplemented() async throws {
        try await withLoopback(echoMethods) { client, _ in
            let method = await failure { try await client.unary(RPCMethod("test.Echo", "Nope"), ByteBuffer()) }
            #expect(method == RPCError(.unimplemented, "the service test.Echo has no method Nope"))
            let service = await failure { try await client.unary(RPCMethod("test.No", "Nope"), ByteBuffer()) }
            #expect(service == RPCError(.unimplemented, "the server has no service test.No"))
        }
    }
}
