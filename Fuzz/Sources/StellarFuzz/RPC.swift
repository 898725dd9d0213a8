import Glibc
import Logging
import NIOCore

@testable import StellarRPC

/// The first byte says how the rest is cut; however it is, the messages are the same.
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
            require(deframer.bufferedBytes <= 1005, "no more is kept than a message of the limit")
            rest = rest.dropFirst(piece)
        }
        return (messages, false)
    }
    let whole = messages(.max)
    let cut = messages(Int(first) + 1)
    require(whole == cut, "cuts do not matter")
}

/// A server's session and its calls, without handlers.
@Sendable func fuzzHTTP2(_ input: [UInt8]) {
    guard let piece = input.first.map({ Int($0) + 1 }) else { return }
    var settings = HTTP2Session.Settings()
    settings.maxConcurrentStreams = 8
    guard let session = try? HTTP2Session(role: .server, settings: settings) else { return }
    var calls: [Int32: ServerStreamMachine] = [:]
    // Most inputs begin after the preface, which is hard to guess.
    var rest = (Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + input.dropFirst())[...]
    while !rest.isEmpty, !session.wantsClose {
        do throws(HTTP2Error) {
            try session.receive(ByteBuffer(bytes: rest.prefix(piece)))
        } catch {
            return
        }
        rest = rest.dropFirst(piece)
        while case let events = session.takeEvents(), !events.isEmpty {
            for event in events { handle(event, session, &calls) }
        }
        var output = ByteBuffer()
        while (try? session.produceOutput(into: &output, limit: 65_536)) == true, output.readableBytes < 1 << 20 {}
    }
}

private func handle(_ event: HTTP2Event, _ session: HTTP2Session, _ calls: inout [Int32: ServerStreamMachine]) {
    var effects: [ServerStreamMachine.Effect] = []
    var stream: Int32 = 0
    switch event {
    case .headers(let id, let fields, let endStream):
        stream = id
        effects = calls[id, default: ServerStreamMachine(maxMessageSize: 1000)]
            .receive(headers: fields, endStream: endStream)
    case .data(let id, let bytes):
        stream = id
        session.consumeConnection(bytes.readableBytes)
        session.consume(id, bytes.readableBytes)
        effects = calls[id]?.receive(data: bytes) ?? []
    case .endStream(let id):
        stream = id
        effects = calls[id]?.receiveEnd() ?? []
    case .closed(let id, _), .reset(let id, _): calls[id] = nil
    default: break
    }
    for effect in effects {
        switch effect {
        case .sendTrailersOnly(let fields): session.submitTrailersOnly(stream, fields)
        case .sendTrailers(let fields): session.finish(stream, trailers: fields)
        case .message(let message): require(message.readableBytes <= 1000, "the limit of messages")
        default: break
        }
    }
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

/// Percent-encoding and base64, read and written.
@Sendable func fuzzText(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    require(PercentEncoding.decode(PercentEncoding.encode(text)) == text, "percent-encoding is undone")
    _ = PercentEncoding.decode(text)
    require(Base64.decode(Base64.encode(input)) == input, "base64 is undone")
    _ = Base64.decode(text)
    _ = RPCAddress(text)
}

@Sendable func fuzzTimeout(_ input: [UInt8]) {
    guard let timeout = GRPCTimeout.parse(String(decoding: input, as: UTF8.self)) else { return }
    require(timeout >= .zero, "time does not run backwards")
    let again = GRPCTimeout.parse(GRPCTimeout.format(timeout))
    require(again.map { $0 >= timeout } == true || timeout == .zero, "a timeout never shrinks")
}

@Sendable func fuzzProtobuf(_ input: [UInt8]) {
    let bytes = ByteBuffer(bytes: input)
    var reader = ProtobufReader(bytes)
    var count = 0
    while (try? reader.next()) != nil { count += 1 }
    require(count <= input.count, "a field has at least a byte")
    _ = try? RPCHealth.serviceName(in: bytes)
    guard let index = try? ReflectionIndex([bytes]) else { return }
    var session = ReflectionSession(index: index, services: ["a"])
    _ = try? session.answer(bytes)
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
            if case .established = effect { require(false, "nobody guesses a handshake") }
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
