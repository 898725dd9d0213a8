/// How far another node has this one's writes.
package struct StoreConvergence: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        /// It has all up to the wanted stamp.
        case reached
        /// It has all up to a stamp; nil: none that it has reported.
        case behind(StoreStamp?)
        /// It is dead, and gets them when it comes back.
        case dead
        /// It is alive in gossip, and does not respond.
        case unreachable(String)
    }

    package var node: String
    package var state: State

    package init(node: String, state: State) {
        (self.node, self.state) = (node, state)
    }
}
