import StellarRPC

/// One node's share of something that all nodes do.
struct NodeShare<Value: Sendable>: Sendable {
    var node: NodeView
    /// The status is that of a call, for this node too; nil: the node cannot be called.
    var result: Result<Value, RPCError>?

    var value: Value? { try? result?.get() }

    var failure: RPCError? {
        if case .failure(let error) = result { error } else { nil }
    }

    /// The node, unreachable if it failed to do what any node can.
    var observed: NodeView { failure.map { node.unanswered($0.message) } ?? node }
}

/// What came of a node's share.
struct NodeOutcome: Sendable, Hashable {
    enum State: Sendable, Hashable {
        case done
        /// With the reason.
        case failed(String)
        /// The node was not called: it is dead, or announces no API.
        case dead
        case withoutAPI
        /// The node held what was to be changed, and is no longer reachable.
        case lost
    }

    var node: String
    var state: State
}

extension NodeShare {
    /// nil for a node that left: it is no longer one of all nodes.
    fileprivate var outcome: NodeOutcome? {
        let state: NodeOutcome.State? =
            switch result {
            case .success: .done
            case .failure(let error): .failed(error.message)
            case nil where !node.belongs: nil
            case nil: node.status == .dead ? .dead : .withoutAPI
            }
        return state.map { NodeOutcome(node: node.id, state: $0) }
    }
}

extension Array {
    /// Those of the called nodes first. The others lack what these now have, if they come back.
    func outcomes<Value>() -> [NodeOutcome] where Element == NodeShare<Value> {
        (filter { $0.result != nil } + filter { $0.result == nil }).compactMap(\.outcome)
    }
}
