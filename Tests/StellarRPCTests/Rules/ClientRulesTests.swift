import NIOCore
import StellarTestKit
import Testing

@testable import StellarRPC

/// Rules of RFC 9113 and of gRPC's PROTOCOL-HTTP2 that a client follows.
@Suite(.timeLimit(.minutes(10))) struct ClientRulesTests {
    private static let start = ClientMachineTests.start
    private static let ok = ClientMachineTests.ok

    // MARK: Responses

    enum Step: Sendable {
        case headers([HTTP2Header], end: Bool)
        case data([UInt8])
        case end
    }

    /// The code that a call ends with; nil is OK.
    struct Response: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var steps: [Step]
        var code: RPCCode?

        init(_ name: String, _ steps: [Step], _ code: RPCCode?) {
            testDescription = name
            self.steps = steps
            self.code = code
        }
    }

    private static func status(_ code: String) -> [HTTP2Header] { [HTTP2Header("grpc-status", code)] }

    static let responses: [Response] = [
        Response("trailers-only with OK", [.headers(ok + status("0"), end: true)], nil),
        Response("trailers-only with a status", [.headers(ok + status("7"), end: true)], .permissionDenied),
        Response(
            "grpc-status wins over the HTTP status",
            [.headers([HTTP2Header(":status", "503")] + status("5"), end: true)],
            .notFound
        ),
        Response(
            "the encoding identity",
            [.headers(ok + [HTTP2Header("grpc-encoding", "identity")], end: false), .headers(status("0"), end: true)],
            nil
        ),
        Response("data before headers", [.data([0, 0, 0, 0, 0])], .internalError),
        Response(
            "a second header block within the response",
            [.headers(ok, end: false), .headers(ok, end: false)],
            .internalError
        ),
        Response("a compressed message", [.headers(ok, end: false), .data([1, 0, 0, 0, 1, 7])], .internalError),
        Response("a message over the limit", [.headers(ok, end: false), .data([0, 0, 0, 1, 0])], .resourceExhausted),
        Response(
            "OK within a message",
            [.headers(ok, end: false), .data([0, 0, 0, 0, 2, 7]), .headers(status("0"), end: true)],
            .internalError
        ),
        Response(
            "a status within a message",
            [.headers(ok, end: false), .data([0, 0, 0, 0, 2, 7]), .headers(status("9"), end: true)],
            .failedPrecondition
        ),
        Response("END_STREAM without trailers", [.headers(ok, end: false), .end], .internalError),
        Response(
            "metadata that is not base64",
            [.headers(ok + [HTTP2Header("x-bin", "!")], end: false)],
            .internalError
        ),
    ]

    @Test(arguments: responses)
    func theResponseEndsTheCallWith(_ response: Response) {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: false)
        var effects: [ClientStreamMachine.Effect] = []
        for step in response.steps {
            switch step {
            case .headers(let fields, let end): effects += machine.receive(headers: fields, endStream: end)
            case .data(let bytes): effects += machine.receive(data: ByteBuffer(bytes: bytes))
            case .end: effects += machine.receiveEnd()
            }
        }
        guard case .end(let error, _, _)? = effects.last else {
            Issue.record("the call goes on")
            return
        }
        #expect(error?.code == response.code)
    }

    /// "Errors" in gRPC's PROTOCOL-HTTP2.
    @Test(arguments: [
        (HTTP2ErrorCode.noError, RPCCode.internalError), (.protocolError, .internalError),
        (.internalError, .internalError), (.flowControlError, .internalError), (.refusedStream, .unavailable),
        (.cancel, .cancelled), (.enhanceYourCalm, .resourceExhausted), (.inadequateSecurity, .permissionDenied),
        (HTTP2ErrorCode(rawValue: 99), .internalError),
    ]) func aResetBecomesAStatus(reset: HTTP2ErrorCode, code: RPCCode) {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: false)
        guard case .end(let error?, _, nil)? = machine.receive(reset: reset).first else {
            Issue.record("the call goes on")
            return
        }
        #expect(error.code == code)
    }

    /// A unary call needs a response even where the status is OK.
    @Test func okWithoutAResponseIsAnError() async throws {
        let server = try ScriptedServer()
        let client = RPCClient(address: server.address)
        let call = Task { await failure { try await client.unary(method("Unary"), ByteBuffer(string: "a")) } }
        let connection = try await server.accept()
        try await connection.send(H2.serverHello)
        _ = try await connection.awaitRequest(1)
        let block =
            H2.field(":status", "200") + H2.field("content-type", "application/grpc") + H2.field("grpc-status", "0")
        try await connection.send(H2.headers(1, block, end: true))
        #expect(await call.value?.code == .internalError)
        await client.close()
    }

    // MARK: Deadlines

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min)])
    func aDeadlineThatHasPassedFailsTheCall(timeout: Duration) async throws {
        try await withLoopback(echoMethods) { client, _ in
            let error = await failure {
                try await client.unary(method("Unary"), ByteBuffer(), options: .init(timeout: timeout))
            }
            #expect(error?.code == .deadlineExceeded)
        }
    }

    @Test(arguments: [Duration.seconds(86_400 * 365 * 300), .seconds(Int64.max)])
    func aFarDeadlineDoesNotOverflow(timeout: Duration) async throws {
        try await withLoopback(echoMethods) { client, _ in
            let response = try await client.unary(method("Unary"), ByteBuffer(), options: .init(timeout: timeout))
            #expect(String(buffer: response) == "<>")
        }
    }

    // MARK: Connections

    @Test func headersOverTheLimitFailTheCallAlone() {
        var machine = ClientMachineTests.machine(open: 1...2)
        machine.receive(.headersTooLarge(stream: 1), from: 1, now: Self.start)
        let effects = machine.effects()
        #expect(effects.first == .reset(1, 1, .cancel))
        guard case .end(1, let error?, _)? = effects.last, effects.count == 2 else {
            Issue.record("\(effects)")
            return
        }
        #expect(error.code == .internalError)
    }

    /// RFC 9113 section 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS may be zero, and may change.
    @Test func theClientFollowsTheServersLimitOfStreams() {
        var machine = ClientMachineTests.machine(open: 1...3, maxConcurrentStreams: 0)
        #expect(machine.effects() == [])
        machine.receive(.settings(maxConcurrentStreams: 2), from: 1, now: Self.start)
        #expect(opened(&machine) == [1, 3])
        machine.receive(.settings(maxConcurrentStreams: 1), from: 1, now: Self.start)
        machine.receive(.reset(1, .cancel), from: 1, now: Self.start)
        machine.receive(.closed(1, .cancel), from: 1, now: Self.start)
        #expect(opened(&machine) == [])
        machine.receive(.reset(3, .cancel), from: 1, now: Self.start)
        machine.receive(.closed(3, .cancel), from: 1, now: Self.start)
        #expect(opened(&machine) == [5])
    }

    /// RFC 9113 section 5.1.1: a client without numbers left uses another connection.
    @Test func aConnectionWithoutStreamNumbersIsReplaced() {
        var machine = ClientMachineTests.machine(open: 1...1)
        machine.connections[1]?.nextStream = Int(Int32.max)
        machine.begin(2)
        #expect(opened(&machine) == [.max])
        machine.begin(3)
        #expect(machine.effects().contains(.connect(2)))
        machine.receive(.settings(maxConcurrentStreams: 1), from: 2, now: Self.start)
        #expect(opened(&machine) == [1])
    }

    private func opened(_ machine: inout ClientMachine) -> [Int32] {
        machine.effects().compactMap { if case .open(_, _, let stream) = $0 { stream } else { nil } }
    }
}
