/// Puts the message of a stream together from the pieces that arrive.
///
/// What a peer announces is checked against the limits before it is waited for, and no byte is looked at twice while more
/// must come, so that neither memory nor time grows faster than what the peer really sends.
public struct StreamAssembler: Sendable {
    private enum Phase {
        /// The label that the dialer says first.
        case preamble
        /// The first byte of the frame, or all five of an encrypted one.
        case type
        /// A map whose end is not here yet. What it says is looked at once it is.
        case head(MessagePackScanner, MessageType)
        /// The nodes of a push/pull: how many are to come, and how long what follows them is.
        case nodes(MessagePackScanner, left: Int, userState: Int)
        /// The frame ends there.
        case whole(end: Int)
    }

    private let codec: StreamCodec
    private var phase: Phase
    private var buffer: [UInt8] = []
    /// Where the frame begins, behind the preamble.
    private var start = 0

    /// - Parameter hasPreamble: whether the peer opened the stream, and so says its label first.
    public init(_ codec: StreamCodec, hasPreamble: Bool) {
        self.codec = codec
        phase = hasPreamble ? .preamble : .type
    }

    /// Bytes that are kept.
    public var count: Int { buffer.count }

    /// Takes what came.
    ///
    /// - Returns: the message, once it is whole; what comes behind it is nobody's business.
    /// - Throws: `WireError` where no more bytes would help. What is to be answered with a ``RemoteFailure`` and what with
    ///   silence is the caller's business.
    public mutating func append(_ bytes: some Collection<UInt8>) throws(WireError) -> StreamMessage? {
        buffer.append(contentsOf: bytes)
        while true {
            switch phase {
            case .preamble:
                guard let rest = try codec.withoutPreamble(buffer[...]) else { return nil }
                start = rest.startIndex
                phase = .type
            case .type:
                guard let next = try begin() else { return nil }
                phase = next
            case .head(var scanner, let type):
                let limit = type == .compressed ? WireLimits.streamFrame : WireLimits.streamHead
                let end = try scanner.end(in: buffer, limit: start + limit)
                phase = try end.map { end throws(WireError) in try afterHead(type, end) } ?? .head(scanner, type)
                if end == nil { return nil }
            case .nodes(var scanner, let left, let userState):
                guard left > 0 else {
                    phase = try frame(end: scanner.position + userState)
                    continue
                }
                guard let end = try scanner.end(in: buffer, limit: nodeLimit(scanner)) else {
                    phase = .nodes(scanner, left: left, userState: userState)
                    return nil
                }
                phase = .nodes(MessagePackScanner(at: end), left: left - 1, userState: userState)
            case .whole(let end):
                return buffer.count < end ? nil : try codec.open(buffer[start..<end])
            }
        }
    }

    private func begin() throws(WireError) -> Phase? {
        guard start < buffer.count else { return nil }
        guard let type = MessageType(rawValue: buffer[start]) else { throw .unknownType(buffer[start]) }
        if type == .encrypted {
            guard codec.packets.keyring != nil else { throw .decryption }
            guard buffer.count - start >= StreamCodec.frameHead else { return nil }
            let length = buffer[start + 1..<start + StreamCodec.frameHead].reduce(0) { $0 << 8 | Int($1) }
            guard length <= WireLimits.streamState else { throw .tooLarge }
            return .whole(end: start + StreamCodec.frameHead + length)
        }
        guard codec.packets.keyring == nil || !codec.packets.verifiesIncoming else { throw .decryption }
        switch type {
        case .compressed, .ping, .acknowledgement, .pushPull, .user, .failure:
            return .head(MessagePackScanner(at: start + 1), type)
        default: throw .unknownType(type.rawValue)
        }
    }

    private func afterHead(_ type: MessageType, _ end: Int) throws(WireError) -> Phase {
        var reader = MessagePackReader(buffer[start + 1..<end])
        switch type {
        case .pushPull:
            let header = try PushPullHeader(from: &reader)
            return .nodes(MessagePackScanner(at: end), left: header.nodes, userState: header.userStateLength)
        case .user:
            return try frame(end: end + (try StreamMessage.userLength(&reader)))
        default:
            return .whole(end: end)
        }
    }

    private func nodeLimit(_ scanner: MessagePackScanner) -> Int {
        min(scanner.start + WireLimits.streamHead, start + WireLimits.streamFrame)
    }

    private func frame(end: Int) throws(WireError) -> Phase {
        guard end - start <= WireLimits.streamFrame else { throw .tooLarge }
        return .whole(end: end)
    }
}
