/// Why an incoming or outgoing message was dropped.
public enum DropReason: String, Sendable, Hashable, CaseIterable {
    /// The cluster name is another one, missing, or unexpected.
    case label
    /// It is not encrypted, encrypted with an unknown key, or altered.
    case key
    /// The checksum does not match.
    case checksum
    /// It is not a memberlist message.
    case notGossip
    /// It is longer, more deeply nested or has more parts than the limits allow.
    case tooLarge
    /// A node with more than 512 bytes of metadata.
    case metadata
    /// A node whose name is empty, too long, not UTF-8, or has control characters.
    case name
    /// The nodes have no common version of the protocol.
    case version
    /// An alive message with an invalid address or an invalid range of versions.
    case unsound
    /// Too many streams are open.
    case streamLimit
    /// A stream exceeded its time-out.
    case streamTimeout
    /// A stream brought a message that is not a request, or not the response to one.
    case unexpected
    /// A message that is too long for a datagram, or cannot be encrypted.
    case notSendable
    /// The kernel could not send it: no route, no buffer, refused by a firewall.
    case sendFailed
    /// Datagrams to a node are lost, although it answers on streams.
    case datagramsLost

    init(_ error: WireError) {
        switch error {
        case .label: self = .label
        case .decryption: self = .key
        case .checksum: self = .checksum
        case .tooLarge, .tooDeep: self = .tooLarge
        case .metadata: self = .metadata
        case .name: self = .name
        case .truncated, .wrongType, .outOfRange, .unknownType, .compression: self = .notGossip
        }
    }

    /// The meaning and the remedy, for the log.
    var explanation: String {
        switch self {
        case .label:
            "its cluster name is not this node's; start all nodes of a cluster with the same --cluster-name"
        case .key:
            "it is not encrypted with a key of this node; compare the keys (sctl cluster keys list, --gossip-key)"
        case .checksum: "the checksum does not match: it was altered in transit"
        case .notGossip: "it is not a memberlist message; another program sends to this port"
        case .tooLarge: "it is longer, more deeply nested or has more parts than any real message"
        case .metadata: "it has a node with more than \(WireLimits.metadata) bytes of metadata"
        case .name:
            "it has a node whose name is empty, over \(WireLimits.name) bytes, not UTF-8, or has control characters"
        case .version: "the nodes have no common version of the protocol"
        case .unsound: "it has a node with an invalid address or an invalid range of versions"
        case .streamLimit: "too many streams are open"
        case .streamTimeout: "the stream exceeded its time-out"
        case .unexpected: "the stream brought a message that was not expected"
        case .notSendable: "the message does not fit a datagram, or could not be encrypted"
        case .sendFailed: "the kernel could not send to it"
        case .datagramsLost:
            "it answers on streams but not to datagrams: a firewall blocks UDP, or the path drops long datagrams"
        }
    }
}

/// Decides which drops are logged: one line for each peer and reason, repeated after ``repetition``. Anybody on the
/// network can cause drops, so the log must not fill a disk.
struct DropLog: Sendable {
    /// Peers and reasons that are remembered. Above it the one logged longest ago is forgotten and may be logged again;
    /// ``maximumLines`` bounds that.
    static let maximumEntries = 256
    /// How long a line is not repeated.
    static let repetition = Duration.seconds(600)
    /// Lines in each ``window``, for all peers and reasons together.
    static let maximumLines = 60
    static let window = Duration.seconds(60)

    private struct Key: Hashable {
        /// The host without the port: a scanner uses a new port each time.
        var host: WireAddress
        var reason: DropReason
    }

    private var lastLogged: [Key: GossipTime] = [:]
    private var windowStart: GossipTime?
    private var lines = 0

    /// Whether to log a drop now; if so, it counts as logged.
    mutating func shouldLog(_ reason: DropReason, from host: WireAddress, now: GossipTime) -> Bool {
        let key = Key(host: host, reason: reason)
        if let last = lastLogged[key], now - last < Self.repetition { return false }
        if windowStart.map({ now - $0 >= Self.window }) ?? true {
            windowStart = now
            lines = 0
        }
        guard lines < Self.maximumLines else { return false }
        lines += 1
        if lastLogged.count >= Self.maximumEntries, let oldest = lastLogged.min(by: { $0.value < $1.value })?.key {
            lastLogged[oldest] = nil
        }
        lastLogged[key] = now
        return true
    }
}
