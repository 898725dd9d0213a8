/// Why bytes from the network cannot be decoded. ``DropReason`` counts and explains these reasons.
public enum WireError: Error, Sendable, Hashable {
    /// The bytes end in the middle of something.
    case truncated
    /// A msgpack value of another kind than the field's.
    case wrongType
    /// A number outside the field's range.
    case outOfRange
    /// A value nested deeper than any real message.
    case tooDeep
    /// A size or count above its limit (``WireLimits``).
    case tooLarge
    /// An unknown message type, or one that is not allowed there.
    case unknownType(UInt8)
    /// A node's metadata is longer than the limit.
    case metadata
    /// A node's name is longer than the limit, not UTF-8, or has control characters.
    case name
    /// The checksum does not match.
    case checksum
    /// The compression algorithm is not LZW, or the bytes are not valid LZW.
    case compression
    /// The label is another one, missing, or unexpected: the sender belongs to another cluster.
    case label
    /// It is not encrypted, encrypted with an unknown key, or altered.
    case decryption
}
