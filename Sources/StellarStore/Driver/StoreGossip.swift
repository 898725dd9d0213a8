/// The gossip that the store uses as a transport.
package protocol StoreGossip: Sendable {
    /// Reports the nodes that are known, and then what happens, until cancelled.
    func listen(_ report: @escaping @Sendable (StoreGossipNews) -> Void) async
    /// Sends to all nodes, by and by.
    func broadcast(_ message: [UInt8], about subject: String) async
    /// Sends to one node; the message may be lost.
    func send(_ message: [UInt8], to name: String) async
}

/// What happens in gossip.
package enum StoreGossipNews: Sendable, Hashable {
    /// A node sent a user message.
    case message([UInt8])
    /// A node is alive. May be reported more than once.
    case alive(String)
    /// A node is dead or left.
    case lost(String)
}
