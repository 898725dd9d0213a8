/// Why something from the network, or for it, was dropped.
public enum DropReason: String, Sendable, Hashable, CaseIterable {
    /// Another cluster name, or none, or one where there should be none.
    case label
    /// Encrypted with no key of ours, altered, or not encrypted at all.
    case key
    /// Altered on the way.
    case checksum
    /// No message of memberlist's.
    case notGossip
    /// Longer, deeper or more than the limits allow.
    case tooLarge
    /// A node with more than 512 bytes of metadata.
    case metadata
    /// A node whose name is empty, too long, not UTF-8, or has control characters.
    case name
    /// A version that is not ours, or none in common.
    case version
    /// A claim that cannot be: of a node without an address, or that understands no version.
    case unsound
    /// One stream too many.
    case streamLimit
    /// A stream that took longer than it may.
    case streamTimeout
    /// What a stream brought was not what was asked for.
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

    /// For the log: what it means, and what to do.
    var explanation: String {
        switch self {
        case .label:
            "it says another cluster name than this node's; nodes of one cluster have the same one (--cluster-name)"
        case .key:
            "it is not encrypted with a key of this node's; compare the keys (sctl cluster keys list, --gossip-key)"
        case .checksum: "it was altered on the way"
        case .notGossip: "it is no gossip of memberlist's; another program sends to this port"
        case .tooLarge: "it is longer, deeper or more than any real message"
        case .metadata: "it tells of a node with more than \(WireLimits.metadata) bytes of metadata"
        case .name:
            "it tells of a node whose name is empty, longer than \(WireLimits.name) bytes, not UTF-8 or has control characters"
        case .version: "it speaks a version of the protocol that not all nodes understand"
        case .unsound: "it tells of a node with an address or a range of versions that there cannot be"
        case .streamLimit: "too many streams are open"
        case .streamTimeout: "the stream took longer than it may"
        case .unexpected: "the stream brought something else than an answer"
        case .notSendable: "the message does not fit a datagram, or could not be encrypted"
        case .sendFailed: "the kernel could not send to it"
        case .datagramsLost:
            "it answers on streams, and not to datagrams: a firewall lets only TCP through, or the path takes only shorter ones"
        }
    }
}

/// Which drops have been told in the log: one line for each peer and reason, and another one when it still goes on after
/// a while. What everybody on the network can cause must not fill a disk.
struct DropLog: Sendable {
    /// Peers and reasons that are remembered. When there are more, those told longest ago are forgotten, and may be told
    /// again; ``maximumLines`` bounds what that can cost.
    static let maximumEntries = 256
    /// Until the same is told again.
    static let repetition = Duration.seconds(600)
    /// Lines of all in each ``window``.
    static let maximumLines = 60
    static let window = Duration.seconds(60)

    private struct Key: Hashable {
        /// The host alone: a scanner has a new port for each try.
        var host: WireAddress
        var reason: DropReason
    }

    private var told: [Key: GossipTime] = [:]
    private var windowStart: GossipTime?
    private var lines = 0

    /// - Returns: whether it is to be told now.
    mutating func isNews(_ reason: DropReason, from host: WireAddress, now: GossipTime) -> Bool {
        let key = Key(host: host, reason: reason)
        if let last = told[key], now - last < Self.repetition { return false }
        if windowStart.map({ now - $0 >= Self.window }) ?? true {
            windowStart = now
            lines = 0
        }
        guard lines < Self.maximumLines else { return false }
        lines += 1
        if told.count >= Self.maximumEntries, let oldest = told.min(by: { $0.value < $1.value })?.key {
            told[oldest] = nil
        }
        told[key] = now
        return true
    }
}
