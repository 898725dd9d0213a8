import StellarRPC

/// A node did not do its share, and does it when it can.
struct NodeUnreachable: Error, Sendable {
    var reason: RPCError
}
