/// Which messages of other nodes may change the store. A peer that can write there decides what runs, and so is root on
/// every node.
package enum StoreTrust: Sendable, Hashable {
    /// All: a peer that can send gossip holds its key, or could as well write through the API.
    case gossip
    /// Exchanges over the API, which requires certificates. Gossip, which any host can send, announces writes and carries no
    /// contents.
    case exchanges
    /// None: the API is for this host alone, and any host can send gossip.
    case nobody

    /// Whether a message of gossip may reach the store.
    package func accepts(_ message: [UInt8]) -> Bool {
        switch self {
        case .gossip: true
        case .exchanges: !Self.hasContents(message)
        case .nobody: false
        }
    }

    /// What is sent in place of a message; nil: nothing.
    package func outgoing(
        _ message: [UInt8],
        about subject: String,
        from node: String
    ) -> (message: [UInt8], subject: String)? {
        switch self {
        case .gossip: return (message, subject)
        case .nobody: return nil
        case .exchanges:
            guard Self.hasContents(message) else { return (message, subject) }
            guard case .fresh(let run)? = try? StoreMessage(message) else { return nil }
            let notice = StoreMessage.notice(holder: node, VersionVector([run.origin: run.upTo]))
            return (notice.encoded(), "notice \(node) \(run.origin)")
        }
    }

    private static func hasContents(_ message: [UInt8]) -> Bool {
        switch try? StoreMessage(message) {
        case .fresh, .learnt: true
        case .notice, .probe, .seen, nil: false
        }
    }
}
