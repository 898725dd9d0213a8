import StellarSystem

/// The limits of what a peer may send. Every holder of the key, and without a key every host, can send anything; these
/// limits bound the memory and the time that one datagram or stream costs.
public enum WireLimits {
    /// Bytes of a node's name. memberlist has no limit; a DNS name has 253.
    public static let name = NodeName.maximumBytes
    /// Bytes of a node's metadata (memberlist's `MetaMaxSize`).
    public static let metadata = 512
    /// Bytes that an application adds to an acknowledgement; Serf's coordinates are some hundred.
    public static let payload = 1024
    /// Bytes of an error text of a peer.
    public static let failureText = 1024
    /// Bytes of a label; its length is one byte.
    public static let label = 255
    /// Bytes of a datagram, which UDP bounds.
    public static let datagram = 65_535
    /// Bytes that a compressed datagram may grow to: its content must fit a datagram without compression, too.
    public static let decompressedDatagram = 65_535
    /// Messages of one datagram: 65,535 bytes of the shortest real message are about five thousand, those of a packet
    /// for an Ethernet about a hundred.
    public static let messagesPerDatagram = 1024
    /// Depth of compounds and compressions in each other; a memberlist peer nests three.
    public static let nesting = 6
    /// Bytes of an encrypted frame, and of the application's state, on a stream (memberlist's `maxPushStateBytes`).
    public static let streamState = 20 << 20
    /// Bytes of an unencrypted frame: the content of the largest encrypted one, compressed as badly as LZW can (twelve
    /// bits a byte).
    public static let streamFrame = 30 << 20
    /// Bytes of a ping, a header or one node of a push/pull on a stream. A node with the longest name and metadata has
    /// less than a thousand; later versions may add fields.
    public static let streamHead = 4 << 10
    /// Bytes that a compressed stream may grow to.
    public static let decompressedStream = 40 << 20
    /// How many times its length a longer stream may grow to. States of nodes grow to about five times their length.
    /// LZW could make 40 MB of 30 KB, which would cost a tenth of a second for each.
    public static let decompressedRatio = 64
    /// Nodes of one push/pull (memberlist's `maxPushPullNodes` is a million; this implementation is made for
    /// thousands).
    public static let nodesPerPushPull = 65_536
    /// Bytes of a user message on a stream.
    public static let streamUserMessage = 20 << 20

    /// Bytes that a compressed stream of `count` bytes may grow to.
    static func decompressed(from count: Int) -> Int {
        min(max(decompressedDatagram, decompressedRatio * count), decompressedStream)
    }
}
