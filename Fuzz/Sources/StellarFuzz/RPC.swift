import Glibc
import Logging
import NIOCore

@testable import StellarRPC

/// gRPC frames. The first byte sets the size of the pieces; the messages must not depend on it.
@Sendable func fuzzDeframer(_ input: [UInt8]) {
    guard let first = input.first else { return }
    func messages(_ piece: Int) -> ([ByteBuffer], failed: Bool) {
        var deframer = MessageDeframer(maxMessageSize: 1000)
        var messages: [ByteBuffer] = []
        var rest = input.dropFirst()
        while !rest.isEmpty {
            do throws(RPCError) {
                try deframer.append(ByteBuffer(bytes: rest.prefix(piece))) { messages.append($0) }
            } catch {
                return (messages, true)
            }
            require(deframer.bufferedBytes <= 1005, "the deframer keeps at most one message")
            rest = rest.dropFirst(piece)
        }
        return (messages, false)
    }
    let whole = messages(.max)
    let cut = messages(Int(first) + 1)
    require(whole == cut, "the sizes of the pieces do not matter")
}

/// A server connection without its socket: the session and the machine, with handlers that respond at once.
@Sendable func fuzzHTTP2(_ input: [UInt8]) {
    guard let piece = input.first.map({ Int($0) + 1 }) else { return }
    var configuration = RPCServerConfiguration()
    configuration.maxMessageSize = 1000
    configuration.limits.maxConcurrentStreams = 8
    var settings = HTTP2Session.Settings()
    settings.maxConcurrentStreams = configuration.limits.maxConcurrentStreams
    guard let session = try? HTTP2Session(role: .server, settings: settings) else { return }
    let now = NIODeadline.uptimeNanoseconds(1)
    var machine = ServerConnectionMachine(methods: fuzzMethods, configuration: configuration, now: now)
    machine.activated(now: now)
    // The input follows the preface, which a fuzzer hardly guesses.
    var rest = (Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + input.dropFirst())[...]
    while !rest.isEmpty, !session.wantsClose {
        do throws(HTTP2Error) {
            try session.receive(ByteBuffer(bytes: rest.prefix(piece)))
        } catch {
            return
        }
        rest = rest.dropFirst(piece)
        while case let events = session.takeEvents(), !events.isEmpty {
            for event in events { machine.receive(event, now: now) }
        }
        while let effect = machine.nextEffect() {
            guard perform(effect, session, &machine) else { return machine.lost() }
        }
        machine.batchEnded(isInHeaderBlock: session.isInHeaderBlock, isWritable: true, now: now)
        require(machine.heldBytes <= 8 * 2005, "the server keeps at most a message and a part of one for each call")
        var output = ByteBuffer()
        while (try? session.produceOutput(into: &output, limit: 65_536)) == true, output.readableBytes < 1 << 20 {}
    }
    machine.lost()
    require(machine.heldBytes == 0, "the server keeps nothing of ended calls")
}

private let fuzzMethods = MethodTable([
    RPCService(
        name: "a.B",
        methods: [.unary(bytes: "C") { request, _ in request }, .streaming(bytes: "D") { _ in }]
    )
])

/// - Returns: false if the connection must be closed.
private func perform(
    _ effect: ServerConnectionMachine.Effect,
    _ session: HTTP2Session,
    _ machine: inout ServerConnectionMachine
) -> Bool {
    switch effect {
    case .respond(let id, let fields): session.submitResponse(id, fields, gate: nil)
    case .send(let id, let message): session.send(id, message: message)
    case .finish(let id, let fields): session.finish(id, trailers: fields)
    case .trailersOnly(let id, let fields): session.submitTrailersOnly(id, fields)
    case .reset(let id, let code): session.reset(id, code)
    case .credit(let id, let count), .deliver(let id, _, let count): session.consume(id, count)
    case .creditConnection(let count): session.consumeConnection(count)
    case .ping(let payload): session.ping(payload)
    case .announceGoAway: session.announceGoAway()
    case .goAway(let code, let reason): session.goAway(code, debug: reason)
    case .start(let id, let request):
        require(request.map { $0.readableBytes <= 1000 } ?? true, "a request stays within the limit")
        machine.handlerDone(id, request, nil, trailers: [:])
    case .closeAfterWriting, .close: return false
    case .accept, .endRequests, .cancel, .forget, .wake, .report: break
    }
    return true
}

/// Fields of a request: name, zero, value, zero, and so on.
@Sendable func fuzzHeaders(_ input: [UInt8]) {
    let parts = input.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    var fields = [HTTP2Header(":method", "POST"), HTTP2Header("content-type", "application/grpc")]
    for index in stride(from: 0, to: parts.count - 1, by: 2) {
        fields.append(HTTP2Header(parts[index], parts[index + 1]))
    }
    _ = try? RequestHead(fields: fields)
    var metadata = RPCMetadata()
    for field in fields { try? metadata.take(field) }
    var written: [HTTP2Header] = []
    metadata.append(to: &written)
    var again = RPCMetadata()
    for field in written { try? again.take(field) }
    if metadata.unsendable == nil { require(again == metadata, "metadata survives the wire") }
}

/// Percent-encoding and base64, in both directions.
@Sendable func fuzzText(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    require(PercentEncoding.decode(PercentEncoding.encode(text)) == text, "decoding restores percent-encoded text")
    _ = PercentEncoding.decode(text)
    require(Base64.decode(Base64.encode(input)) == input, "decoding restores base64")
    _ = Base64.decode(text)
    _ = RPCAddress(text)
}

@Sendable func fuzzTimeout(_ input: [UInt8]) {
    guard let timeout = GRPCTimeout.parse(String(decoding: input, as: UTF8.self)) else { return }
    require(timeout >= .zero, "a timeout is not negative")
    let again = GRPCTimeout.parse(GRPCTimeout.format(timeout))
    require(again.map { $0 >= timeout } == true || timeout == .zero, "a timeout does not become shorter")
}

@Sendable func fuzzProtobuf(_ input: [UInt8]) {
    let bytes = ByteBuffer(bytes: input)
    var reader = ProtobufReader(bytes)
    var count = 0
    while (try? reader.next()) != nil { count += 1 }
    require(count <= input.count, "a field has at least one byte")
    _ = try? RPCHealth.serviceName(in: bytes)
    guard let index = try? ReflectionIndex([bytes]) else { return }
    var session = ReflectionSession(index: index, services: ["a"])
    _ = try? session.respond(to: bytes)
}

/// Both sides of TLS; run.sh makes the certificate.
@Sendable func fuzzTLS(_ input: [UInt8]) {
    guard let first = input.first, var engine = try? TLSSources.shared(first & 1 == 0).makeEngine(host: "localhost")
    else {
        return
    }
    _ = engine.start()
    var rest = input.dropFirst()
    let piece = Int(first >> 1) + 1
    while !rest.isEmpty {
        for effect in engine.receive(ByteBuffer(bytes: rest.prefix(piece))) {
            if case .established = effect { require(false, "a fuzzer cannot complete a handshake") }
        }
        rest = rest.dropFirst(piece)
    }
}

private enum TLSSources {
    static let server = make { directory throws(RPCTLSError) in
        try TLSContextSource(
            server: .init(
                identity: .init(certificateChainFile: directory + "/c.pem", privateKeyFile: directory + "/c.key"),
                clientCertificates: .request(.file(directory + "/c.pem"))
            ),
            logger: Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }
    static let client = make { directory throws(RPCTLSError) in
        try TLSContextSource(
            client: .init(trustRoots: .file(directory + "/c.pem")),
            logger: Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    static func shared(_ isServer: Bool) -> TLSContextSource { isServer ? server : client }

    private static func make(_ body: (String) throws(RPCTLSError) -> TLSContextSource) -> TLSContextSource {
        do throws(RPCTLSError) {
            return try body(getenv("FUZZ_TLS").map { String(cString: $0) } ?? ".")
        } catch {
            print(error)
            exit(2)
        }
    }
}
