/// Why bytes from the network are no gossip message. A reason, not a text: they are counted (``DropReason``).
public enum WireError: Error, Sendable, Hashable {
    /// The bytes end in the middle of something.
    case truncated
    /// A msgpack value of another kind than the field's.
    case wrongType
    /// A number outside the field's range.
    case outOfRange
    /// A value nested deeper than any real message.
    case tooDeep
    /// More than a limit of this file's neighbours allows.
    case tooLarge
    /// A message type that there is none of.
    case unknownType(UInt8)
    /// A node's metadata, longer than any may be.
    case metadata
    /// A node's name, longer than any may be, or not to be shown: not UTF-8, or with control characters.
    case name
    /// The checksum is another one.
    case checksum
    /// A compression algorithm other than LZW, or bytes that are no LZW.
    case compression
    /// Not of our cluster: another label, or one where there should be none, or none where there should be one.
    case label
    /// Encrypted with no key of ours, altered, or not encrypted at all.
    case decryption
}
