/// What the store needs of gossip.
package protocol StoreGossip: Sendable {
    /// Tells who is there, and then what happens, until cancelled.
    func listen(_ tell: @escaping @Sendable (StoreGossipNews) -> Void) async
    /// To everybody, by and by.
    func broadcast(_ message: [UInt8], about subject: String) async
    /// To one; it may be lost.
    func send(_ message: [UInt8], to name: String) async
}

package enum StoreGossipNews: Sendable, Hashable {
    /// A user message of some node.
    case message([UInt8])
    /// A node is alive. May be told more than once.
    case present(String)
    /// A node is dead, or has left.
    case absent(String)
}
