/// What another node has of this one's writes.
package struct StoreConvergence: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        /// All that was asked for.
        case reached
        /// All up to a stamp; nil is nothing that we know of.
        case behind(StoreStamp?)
        /// It gets it when it comes back.
        case dead
        /// Gossip has it as alive, and it does not say.
        case unreachable(String)
    }

    package var node: String
    package var state: State

    package init(node: String, state: State) {
        (self.node, self.state) = (node, state)
    }
}
