/// Encodes and decodes the frames of streams, one message in each direction (memberlist, `net.go`, `security.go`).
///
/// The dialer sends the label once, in front, unencrypted. If compression is on, every message is compressed, even if
/// that is longer. With a key a message is `0a length(4) block`, and the block authenticates these five bytes and the
/// label. There is no checksum.
public struct StreamCodec: Sendable {
    /// The codec of datagrams: label, keys and switches are the same.
    public var packets: PacketCodec

    public init(_ packets: PacketCodec) {
        self.packets = packets
    }

    /// Type and length of an encrypted frame.
    static let frameHead = 5

    /// The bytes that the dialer sends first; empty without a label.
    public var preamble: [UInt8] {
        guard !packets.label.isEmpty else { return [] }
        return [MessageType.label.rawValue, UInt8(truncatingIfNeeded: packets.label.count)] + packets.label
    }

    public func encode(_ message: [UInt8], nonce: () -> SealedBlock.Nonce) throws(WireError) -> [UInt8] {
        let plain = packets.compresses ? Compressed.encode(message) : message
        guard let keyring = packets.keyring, packets.encryptsOutgoing else { return plain }
        let length = UInt32(plain.count + SealedBlock.overhead)
        let head =
            [MessageType.encrypted.rawValue]
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
        let block = try SealedBlock.seal(
            plain,
            key: keyring.primary,
            nonce: nonce(),
            authenticating: head + packets.label
        )
        return head + block
    }

    /// The result of decoding the bytes received so far.
    public enum Progress: Sendable, Hashable {
        /// More bytes must come.
        case incomplete
        /// A complete message, without wrappings.
        case message(StreamMessage)
    }

    /// Removes the label from the beginning of a stream that a peer opened.
    ///
    /// - Returns: the rest; nil while the label is incomplete.
    public func withoutPreamble(_ received: ArraySlice<UInt8>) throws(WireError) -> ArraySlice<UInt8>? {
        guard let first = received.first else { return nil }
        guard first == MessageType.label.rawValue else {
            guard packets.label.isEmpty else { throw .label }
            return received
        }
        guard !packets.label.isEmpty else { throw .label }
        let head = preamble
        guard received.prefix(head.count).elementsEqual(head.prefix(received.count)) else { throw .label }
        return received.count < head.count ? nil : received.dropFirst(head.count)
    }

    /// Decodes received bytes, without the preamble. ``StreamAssembler`` decodes pieces.
    ///
    /// - Throws: `WireError` if more bytes cannot make it valid.
    public func decode(_ received: ArraySlice<UInt8>) throws(WireError) -> Progress {
        var assembler = StreamAssembler(self, hasPreamble: false)
        return try assembler.append(received).map { .message($0) } ?? .incomplete
    }

    /// Decodes the message of a complete frame.
    func open(_ frame: ArraySlice<UInt8>) throws(WireError) -> StreamMessage {
        guard frame.first == MessageType.encrypted.rawValue else { return try Self.unpacked(frame) }
        guard let keyring = packets.keyring else { throw .decryption }
        let plain = try SealedBlock.open(
            frame.dropFirst(Self.frameHead),
            keys: keyring.keys,
            authenticating: Array(frame.prefix(Self.frameHead)) + packets.label
        )
        return try Self.unpacked(plain[...])
    }

    private static func unpacked(_ bytes: ArraySlice<UInt8>) throws(WireError) -> StreamMessage {
        guard bytes.first == MessageType.compressed.rawValue else { return try StreamMessage(bytes) }
        let inner = try Compressed.decode(bytes.dropFirst(), limit: WireLimits.decompressed(from: bytes.count))
        do throws(WireError) {
            return try StreamMessage(inner[...])
        } catch .truncated {
            // The compressed bytes are complete, so more cannot come.
            throw .compression
        }
    }
}

/// A message of a stream.
public enum StreamMessage: Sendable, Hashable {
    case ping(Ping)
    case acknowledgement(Acknowledgement)
    case pushPull(PushPull)
    case user([UInt8])
    case failure(RemoteFailure)

    public func encoded() -> [UInt8] {
        switch self {
        case .ping(let message): return message.encoded()
        case .acknowledgement(let message): return message.encoded()
        case .pushPull(let message): return message.encoded()
        case .failure(let message): return message.encoded()
        case .user(let bytes):
            var writer = MessagePackWriter(.user)
            writer.map(1)
            writer.key("UserMsgLen")
            writer.signed(bytes.count)
            return writer.bytes + bytes
        }
    }

    /// - Throws: `truncated` if the bytes end inside it.
    init(_ bytes: ArraySlice<UInt8>) throws(WireError) {
        guard let first = bytes.first else { throw .truncated }
        guard let type = MessageType(rawValue: first) else { throw .unknownType(first) }
        var reader = MessagePackReader(bytes.dropFirst())
        switch type {
        case .ping: self = .ping(try Ping(from: &reader))
        case .acknowledgement: self = .acknowledgement(try Acknowledgement(from: &reader))
        case .pushPull: self = .pushPull(try PushPull(from: &reader))
        case .failure: self = .failure(try RemoteFailure(from: &reader))
        case .user:
            let length = try Self.userLength(&reader)
            guard reader.remaining >= length else { throw .truncated }
            self = .user(Array(reader.rest.prefix(length)))
        default: throw .unknownType(first)
        }
    }

    /// Decodes the header of a user message: its length.
    static func userLength(_ reader: inout MessagePackReader) throws(WireError) -> Int {
        var length = 0
        try reader.fields { (reader, key) throws(WireError) in
            guard key == "UserMsgLen" else { return false }
            length = Int(try reader.unsigned(maximum: UInt64(WireLimits.streamUserMessage)))
            return true
        }
        return length
    }
}
