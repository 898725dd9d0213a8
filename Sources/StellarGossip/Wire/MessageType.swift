/// The first byte of every message (memberlist, `net.go`).
public enum MessageType: UInt8, Sendable, CaseIterable {
    case ping = 0
    case indirectPing = 1
    case acknowledgement = 2
    case suspect = 3
    case alive = 4
    case dead = 5
    case pushPull = 6
    case compound = 7
    case user = 8
    case compressed = 9
    /// Only on streams: an encrypted datagram has no type byte.
    case encrypted = 10
    case negativeAcknowledgement = 11
    case checksummed = 12
    case failure = 13
    case label = 244
}
