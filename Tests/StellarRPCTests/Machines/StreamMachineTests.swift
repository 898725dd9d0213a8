import NIOCore
import StellarRPC
import StellarTestKit
import Testing

@Suite struct StreamMachineTests {
    static let request = [
        HTTP2Header(":method", "POST"), HTTP2Header(":scheme", "http"), HTTP2Header(":path", "/s/m"),
        HTTP2Header("content-type", "application/grpc"), HTTP2Header("te", "trailers"),
    ]
    static let response = [HTTP2Header(":status", "200"), HTTP2Header("content-type", "application/grpc")]

    static func framed(_ bytes: [UInt8]) -> ByteBuffer {
        ByteBuffer(bytes: [0, 0, 0, 0, UInt8(bytes.count)] + bytes)
    }

    @Test func unaryOnTheServer() {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        var head = RequestHead(path: "/s/m")
        head.timeout = .seconds(2)
        #expect(
            machine.receive(headers: Self.request + [HTTP2Header("grpc-timeout", "2S")], endStream: false) == [
                .accept(head)
            ]
        )
        #expect(machine.receive(data: Self.framed([1, 2])) == [.message(ByteBuffer(bytes: [1, 2]))])
        #expect(machine.receiveEnd() == [.requestEnd])
        #expect(
            machine.send(ByteBuffer(bytes: [3])) == [.sendHeaders(Self.response), .sendMessage(ByteBuffer(bytes: [3]))]
        )
        #expect(
            machine.finish(nil, trailers: ["a": "b"]) == [
                .sendTrailers([HTTP2Header("grpc-status", "0"), HTTP2Header("a", "b")])
            ]
        )
        // Later events have no effect.
        #expect(machine.finish(nil, trailers: [:]) == [])
        #expect(machine.fail(RPCError(.cancelled, "")) == [])
        #expect(machine.receive(end: RPCError(.cancelled, "")) == [])
    }

    @Test func failureWithoutHeadersIsTrailersOnly() {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        _ = machine.receive(headers: Self.request, endStream: true)
        let error = RPCError(.notFound, "ü", metadata: [:])
        let fields = Self.response + [HTTP2Header("grpc-status", "5"), HTTP2Header("grpc-message", "%C3%BC")]
        #expect(machine.finish(error, trailers: [:]) == [.sendTrailersOnly(fields)])
    }

    @Test func aHandlerThatThrowsOKIsUnknown() {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        _ = machine.receive(headers: Self.request, endStream: true)
        let effects = machine.finish(RPCError(.ok, ""), trailers: [:])
        #expect(effects == [.sendTrailersOnly(Self.response + [HTTP2Header("grpc-status", "2")])])
    }

    @Test(arguments: [
        (HTTP2Header(":method", "GET"), HTTP2Header(":status", "405")),
        (HTTP2Header("content-type", "text/plain"), HTTP2Header(":status", "415")),
    ]) func notGRPC(wrong: HTTP2Header, response: HTTP2Header) {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        let fields = Self.request.map { $0.name == wrong.name ? wrong : $0 }
        #expect(machine.receive(headers: fields, endStream: false) == [.sendTrailersOnly([response])])
    }

    @Test(arguments: [
        (HTTP2Header("grpc-encoding", "gzip"), "12"), (HTTP2Header("grpc-timeout", "soon"), "13"),
        (HTTP2Header("x-bin", "!"), "13"),
    ]) func refusedWithAStatus(field: HTTP2Header, status: String) {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        guard
            case .sendTrailersOnly(let fields)? = machine.receive(headers: Self.request + [field], endStream: false)
                .first
        else {
            Issue.record("not refused")
            return
        }
        #expect(fields.contains(HTTP2Header("grpc-status", status)))
    }

    @Test func aRequestThatEndsWithinAMessageFails() {
        var machine = ServerStreamMachine(maxMessageSize: 100)
        _ = machine.receive(headers: Self.request, endStream: false)
        _ = machine.receive(data: ByteBuffer(bytes: [0, 0, 0, 0, 5, 1]))
        #expect(machine.receiveEnd().count == 2)
        #expect(machine.isEnded)
    }

    @Test func unaryOnTheClient() {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: true)
        #expect(machine.receive(headers: [HTTP2Header(":status", "100")], endStream: false) == [])
        #expect(
            machine.receive(headers: Self.response + [HTTP2Header("k", "v")], endStream: false) == [
                .initialMetadata(["k": "v"])
            ]
        )
        #expect(machine.receive(data: Self.framed([9])) == [.message(ByteBuffer(bytes: [9]))])
        let trailers = [HTTP2Header("grpc-status", "0"), HTTP2Header("t", "r")]
        #expect(machine.receive(headers: trailers, endStream: true) == [.end(nil, trailers: ["t": "r"], reset: nil)])
        #expect(machine.receive(reset: .cancel) == [])
    }

    @Test func secondResponseToUnary() {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: true)
        _ = machine.receive(headers: Self.response, endStream: false)
        _ = machine.receive(data: Self.framed([9]))
        _ = machine.receive(data: Self.framed([9]))
        #expect(machine.isEnded)
    }

    /// "HTTP to gRPC Status Code Mapping", and responses that are not gRPC.
    @Test(arguments: [
        ([HTTP2Header(":status", "400")], RPCCode.internalError), ([HTTP2Header(":status", "401")], .unauthenticated),
        ([HTTP2Header(":status", "403")], .permissionDenied), ([HTTP2Header(":status", "404")], .unimplemented),
        ([HTTP2Header(":status", "429")], .unavailable), ([HTTP2Header(":status", "502")], .unavailable),
        ([HTTP2Header(":status", "503")], .unavailable), ([HTTP2Header(":status", "504")], .unavailable),
        ([HTTP2Header(":status", "418")], .unknown), ([HTTP2Header(":status", "x")], .internalError),
        ([], .internalError),
        ([HTTP2Header(":status", "200")], .unknown),
        ([HTTP2Header(":status", "200"), HTTP2Header("content-type", "text/html")], .unknown),
        (response + [HTTP2Header("grpc-encoding", "gzip")], .unimplemented),
    ]) func responsesThatAreNotGRPCBecomeAStatus(fields: [HTTP2Header], code: RPCCode) {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: false)
        guard case .end(let error?, _, _)? = machine.receive(headers: fields, endStream: false).first else {
            Issue.record("not ended")
            return
        }
        #expect(error.code == code)
    }

    @Test(arguments: [
        (nil, RPCCode.unknown), ("x", .unknown), ("-1", .unknown), ("5", .notFound), ("77", RPCCode(rawValue: 77)),
    ])
    func trailersOnly(status: String?, code: RPCCode) {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: false)
        let fields = Self.response + (status.map { [HTTP2Header("grpc-status", $0)] } ?? [])
        guard case .end(let error?, _, _)? = machine.receive(headers: fields, endStream: true).first else {
            Issue.record("not ended")
            return
        }
        #expect(error.code == code)
    }

    @Test func endWithoutStatus() {
        var machine = ClientStreamMachine(maxMessageSize: 100, expectsSingleResponse: false)
        _ = machine.receive(headers: Self.response, endStream: false)
        #expect(machine.receiveEnd().count == 1)
        #expect(machine.isEnded)
    }

    /// In any order of events, a machine ends at most once, has no effects afterwards, and never traps.
    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var client = ClientStreamMachine(maxMessageSize: 50, expectsSingleResponse: .random(using: &random))
        var server = ServerStreamMachine(maxMessageSize: 50)
        var clientEnds = 0
        var serverEnds = 0
        let headers = [
            Self.request, Self.response, [HTTP2Header("grpc-status", "0")], [],
            Self.response + [HTTP2Header("grpc-status", "3")],
        ]
        for _ in 0..<30 {
            let fields = headers.randomElement(using: &random) ?? []
            let ends = Bool.random(using: &random)
            let bytes = ByteBuffer(
                bytes: (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    [0, 0, 0, 0, 3, 60, 255].randomElement(using: &random) ?? 0
                }
            )
            let error = RPCError(.aborted, "")
            let choice = Int.random(in: 0..<8, using: &random)
            let wasOver = client.isEnded
            let serverWasOver = server.isEnded
            let fromClient: [ClientStreamMachine.Effect] =
                switch choice {
                case 0...2: client.receive(headers: fields, endStream: ends)
                case 3...5: client.receive(data: bytes)
                case 6: client.receiveEnd()
                default: Bool.random(using: &random) ? client.receive(reset: .cancel) : client.fail(error)
                }
            let fromServer: [ServerStreamMachine.Effect] =
                switch choice {
                case 0: server.receive(headers: fields, endStream: ends)
                case 1, 2: server.receive(data: bytes)
                case 3: server.receiveEnd()
                case 4: server.sendHeaders([:])
                case 5: server.send(bytes)
                case 6: server.finish(ends ? error : nil, trailers: [:])
                default: Bool.random(using: &random) ? server.receive(end: error) : server.fail(error)
                }
            if wasOver { #expect(fromClient == []) }
            if serverWasOver { #expect(fromServer == []) }
            clientEnds += fromClient.count { if case .end = $0 { true } else { false } }
            serverEnds += fromServer.count {
                switch $0 {
                case .sendTrailers, .sendTrailersOnly: true
                default: false
                }
            }
        }
        #expect(clientEnds <= 1)
        #expect(serverEnds <= 1)
    }
}
