import StellarAPI
import StellarRPC
import StellarStore
import SwiftProtobuf

extension ClusterNodeOutcome {
    init(_ outcome: NodeOutcome) {
        self.init()
        node = outcome.node
        error =
            switch outcome.state {
            case .done: ""
            case .failed(let reason): reason
            case .dead: "it is dead and was not asked"
            case .withoutAPI: "it announces no API, and was not asked"
            case .lost: "it is gone"
            }
    }
}

extension ClusterRoundTripRow {
    /// The row of a node; nil for a node that cannot be called.
    init?(_ share: NodeShare<[String: Duration]>) {
        guard let result = share.result else { return nil }
        self.init()
        node = share.node.id
        switch result {
        case .success(let measured): roundTrips = ClusterRoundTrip.all(measured)
        case .failure(let failure): error = failure.message
        }
    }
}

extension ClusterRoundTrip {
    /// - Parameter measured: by the name of the other node.
    static func all(_ measured: [String: Duration]) -> [ClusterRoundTrip] {
        measured.sorted { $0.key < $1.key }.map { name, span in
            var message = ClusterRoundTrip()
            message.node = name
            message.roundTrip.seconds = span.components.seconds
            message.roundTrip.nanos = Int32(span.components.attoseconds / 1_000_000_000)
            return message
        }
    }
}

extension ClusterConvergence {
    init(_ convergence: StoreConvergence) {
        self.init()
        node = convergence.node
        switch convergence.state {
        case .reached: state = "reached"
        case .behind(let stamp):
            state = "behind"
            reason = stamp == nil ? "it has not reported what it has" : "it does not have it yet"
        case .dead: (state, reason) = ("dead", "it is dead and gets it when it comes back")
        case .unreachable(let why): (state, reason) = ("unreachable", why)
        }
    }
}

extension JoinAddress {
    /// - Parameter now: seconds since 1970.
    func message(nodes: [NodeView], now: Int64) -> ClusterPeer {
        var message = ClusterPeer()
        message.address = address
        message.declared = isDeclared
        message.node = node ?? ""
        let status = nodes.first { $0.id == node }?.status ?? (isReached ? .alive : .unreachable)
        message.status = status.rawValue
        message.failures = UInt32(clamping: failures)
        message.lastError = lastError ?? ""
        if let lastSuccess { message.lastSuccess.seconds = now - lastSuccess.components.seconds }
        if let lastTry { message.lastTry.seconds = now - lastTry.components.seconds }
        if let nextTry { message.nextTry.seconds = now + nextTry.components.seconds }
        return message
    }
}
