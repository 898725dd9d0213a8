/// Assembles the message of a stream from the received pieces.
///
/// It checks announced lengths against the limits before it waits for the bytes, and scans no byte twice while more
/// must come. So memory and time grow with the bytes that a peer really sends.
public struct StreamAssembler: Sendable {
    private enum Phase {
        /// The label, which the dialer sends first.
        case preamble
        /// The first byte of the frame, or all five of an encrypted one.
        case type
        /// A map that is incomplete. It is decoded once it is complete.
        case head(MessagePackScanner, MessageType)
        /// The nodes of a push/pull: how many are missing, and the length of the application's state after them.
        case nodes(MessagePackScanner, left: Int, userState: Int)
        /// The frame ends at this index.
        case whole(end: Int)
    }

    private let codec: StreamCodec
    private var phase: Phase
    private var buffer: [UInt8] = []
    /// The index of the frame, after the preamble.
    private var start = 0

    /// - Parameter hasPreamble: whether the peer opened the stream, and so sends its label first.
    public init(_ codec: StreamCodec, hasPreamble: Bool) {
        self.codec = codec
        phase = hasPreamble ? .preamble : .type
    }

    /// Received bytes that are kept.
    public var count: Int { buffer.count }

    /// Takes received bytes.
    ///
    /// - Returns: the message, once it is complete; bytes after it are ignored.
    /// - Throws: `WireError` if more bytes cannot make it valid. The caller decides whether to respond with a
    ///   ``RemoteFailure``.
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
