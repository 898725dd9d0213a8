/// Encodes messages as datagrams, and decodes them (memberlist, `net.go`, `label.go`).
///
/// From the inside out: the messages, a compound if there are several, compressed if that is shorter, a checksum if the
/// receiver understands it, encrypted if there is a key, and the label in front if there is one:
///
///     label( encrypted( checksummed( compressed( compound( messages )))))
public struct PacketCodec: Sendable {
    /// The cluster's label; empty is none. Bytes, at most ``WireLimits/label``.
    public var label: [UInt8]
    public var keyring: Keyring?
    /// With a key: whether unencrypted datagrams are dropped. Off only while a running cluster is being encrypted.
    public var verifiesIncoming = true
    /// With a key: whether sent datagrams are encrypted.
    public var encryptsOutgoing = true
    public var compresses = true

    public init(label: [UInt8] = [], keyring: Keyring? = nil) {
        self.label = label
        self.keyring = keyring
    }

    /// Bytes that label and encryption add to a datagram.
    public var overhead: Int {
        labelOverhead + (encrypts ? SealedBlock.overhead : 0)
    }

    /// Bytes of a checksum: its type and the sum.
    static let checksumOverhead = 5

    private var labelOverhead: Int { label.isEmpty ? 0 : 2 + label.count }
    private var encrypts: Bool { keyring != nil && encryptsOutgoing }

    /// Encodes messages as one datagram.
    ///
    /// - Parameters:
    ///   - hasChecksum: whether the receiver understands checksums.
    ///   - nonce: random, for the encryption; never used twice with one key.
    public func encode(
        _ messages: [[UInt8]],
        hasChecksum: Bool,
        nonce: () -> SealedBlock.Nonce
    ) throws(WireError) -> [UInt8] {
        let head = hasChecksum ? Self.checksumOverhead : 0
        var bytes: [UInt8] = []
        bytes.reserveCapacity(head + Compound.length(of: messages))
        for _ in 0..<head { bytes.append(MessageType.checksummed.rawValue) }
        if messages.count == 1 { bytes += messages[0] } else { Compound.append(messages, to: &bytes) }
        if compresses {
            let compressed = Compressed.encode(bytes[head...])
            if compressed.count < bytes.count - head { bytes.replaceSubrange(head..., with: compressed) }
        }
        if hasChecksum {
            let sum = Checksum.crc32(bytes[head...])
            for index in 1..<head { bytes[index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * (4 - index))) }
        }
        if let keyring, encryptsOutgoing {
            bytes = try SealedBlock.seal(bytes, key: keyring.primary, nonce: nonce(), authenticating: label)
        }
        if !label.isEmpty {
            bytes.insert(
                contentsOf: [MessageType.label.rawValue, UInt8(truncatingIfNeeded: label.count)] + label,
                at: 0
            )
        }
        guard bytes.count <= WireLimits.datagram else { throw .tooLarge }
        return bytes
    }

    /// The content of a datagram.
    public struct Decoded: Sendable, Hashable {
        public var messages: [GossipMessage] = []
        /// Why parts could not be decoded: a bad message does not affect the others.
        public var errors: [WireError] = []
    }

    public func decode(_ datagram: ArraySlice<UInt8>) -> Decoded {
        var decoded = Decoded()
        do throws(WireError) {
            let inner = try decrypted(unlabelled(datagram))
            unpack(try Self.checked(inner[...]), depth: 0, into: &decoded)
        } catch {
            decoded.errors.append(error)
        }
        return decoded
    }

    private func unlabelled(_ bytes: ArraySlice<UInt8>) throws(WireError) -> ArraySlice<UInt8> {
        guard bytes.first == MessageType.label.rawValue else {
            guard label.isEmpty else { throw .label }
            return bytes
        }
        let body = bytes.dropFirst()
        guard let count = body.first.map({ Int($0) }) else { throw .truncated }
        let text = body.dropFirst().prefix(count)
        guard count > 0, text.count == count else { throw .truncated }
        guard text.elementsEqual(label) else { throw .label }
        return bytes[text.endIndex...]
    }

    private func decrypted(_ bytes: ArraySlice<UInt8>) throws(WireError) -> ArraySlice<UInt8> {
        guard let keyring else { return bytes }
        do throws(WireError) {
            return try SealedBlock.open(bytes, keys: keyring.keys, authenticating: label)[...]
        } catch {
            if verifiesIncoming { throw error }
            return bytes
        }
    }

    private static func checked(_ bytes: ArraySlice<UInt8>) throws(WireError) -> ArraySlice<UInt8> {
        guard bytes.first == MessageType.checksummed.rawValue, bytes.count >= checksumOverhead else { return bytes }
        let body = bytes.dropFirst(checksumOverhead)
        let sum = bytes.dropFirst().prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard Checksum.crc32(body) == sum else { throw .checksum }
        return body
    }

    private func unpack(_ bytes: ArraySlice<UInt8>, depth: Int, into decoded: inout Decoded) {
        do throws(WireError) {
            guard let first = bytes.first else { throw .truncated }
            guard let type = MessageType(rawValue: first) else { throw .unknownType(first) }
            guard depth < WireLimits.nesting else { throw .tooDeep }
            let body = bytes.dropFirst()
            switch type {
            case .compound:
                let (parts, isTruncated) = Compound.decode(body)
                for part in parts {
                    guard decoded.messages.count + decoded.errors.count < WireLimits.messagesPerDatagram else {
                        throw .tooLarge
                    }
                    unpack(part, depth: depth + 1, into: &decoded)
                }
                if isTruncated { throw .truncated }
            case .compressed:
                let inner = try Compressed.decode(body, limit: WireLimits.decompressedDatagram)
                unpack(inner[...], depth: depth + 1, into: &decoded)
            default:
                decoded.messages.append(try GossipMessage(type, body))
            }
        } catch {
            decoded.errors.append(error)
        }
    }
}
