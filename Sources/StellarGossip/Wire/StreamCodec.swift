/// Frames what goes over a stream, one message in each direction (memberlist, `net.go`, `security.go`).
///
/// The dialer says the label once, in front, in the clear. A message is compressed if compression is on (always, shorter
/// or not), and with a key it is `0a length(4) block`, the five bytes and the label being authenticated with it. There is
/// no checksum.
public struct StreamCodec: Sendable {
    /// Label, keys and switches are those of datagrams.
    public var packets: PacketCodec

    public init(_ packets: PacketCodec) {
        self.packets = packets
    }

    /// Type and length of an encrypted frame.
    private static let frameHead = 5

    /// What the dialer says first; empty without a label.
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

    /// What has been received so far, told apart.
    public enum Progress: Sendable, Hashable {
        /// More must come.
        case incomplete
        /// A whole message, with its type byte, out of all wrappings.
        case message(StreamMessage)
    }

    /// Takes the label off the beginning of a stream that a peer opened.
    ///
    /// - Returns: the rest; nil while more must come.
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

    /// Decodes what was received, without the preamble.
    ///
    /// - Throws: `WireError` where no more bytes would help. What is to be answered with a ``RemoteFailure`` and what with
    ///   silence is the caller's business.
    public func decode(_ received: ArraySlice<UInt8>) throws(WireError) -> Progress {
        guard let first = received.first else { return .incomplete }
        if first == MessageType.encrypted.rawValue {
            guard let keyring = packets.keyring else { throw .decryption }
            guard received.count >= Self.frameHead else { return .incomplete }
            let head = [UInt8](received.prefix(Self.frameHead))
            let length = head.dropFirst().reduce(0) { $0 << 8 | Int($1) }
            guard length <= WireLimits.streamState else { throw .tooLarge }
            guard received.count >= Self.frameHead + length else { return .incomplete }
            let plain = try SealedBlock.open(
                received.dropFirst(Self.frameHead).prefix(length),
                keys: keyring.keys,
                authenticating: head + packets.label
            )
            return try Self.open(plain[...], isWhole: true)
        }
        guard packets.keyring == nil || !packets.verifiesIncoming else { throw .decryption }
        return try Self.open(received, isWhole: false)
    }

    private static func open(_ bytes: ArraySlice<UInt8>, isWhole: Bool) throws(WireError) -> Progress {
        do throws(WireError) {
            guard let first = bytes.first else { throw .truncated }
            guard first == MessageType.compressed.rawValue else { return .message(try StreamMessage(bytes)) }
            let inner = try Compressed.decode(bytes.dropFirst(), limit: WireLimits.decompressedStream)
            do throws(WireError) {
                return .message(try StreamMessage(inner[...]))
            } catch .truncated {
                // All that was compressed is here, so no more will come.
                throw .compression
            }
        } catch .truncated where !isWhole {
            return .incomplete
        }
    }
}

/// What a stream can bring.
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

    /// - Throws: `truncated` if it goes on beyond the bytes.
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
            var length = 0
            try reader.fields { (reader, key) throws(WireError) in
                guard key == "UserMsgLen" else { return false }
                length = Int(try reader.unsigned(maximum: UInt64(WireLimits.streamUserMessage)))
                return true
            }
            guard reader.remaining >= length else { throw .truncated }
            self = .user(Array(reader.rest.prefix(length)))
        default: throw .unknownType(first)
        }
    }
}
