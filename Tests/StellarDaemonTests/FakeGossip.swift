import StellarGossip
import StellarRPC
import Synchronization

@testable import StellarDaemon

/// Gossip whose members a test chooses; it records its calls.
final class FakeGossip: GossipPort {
    private struct State {
        var members: [ClusterMember]
        var peers: [JoinAddress] = []
        var roundTrips: [String: Duration] = [:]
        var done: [String] = []
    }

    private let state: Mutex<State>

    init(_ members: [ClusterMember]) {
        state = Mutex(State(members: members))
    }

    /// `forget NAME`, `leave`, `add FINGERPRINT`, …
    var done: [String] { state.withLock { $0.done } }

    func set(peers: [JoinAddress]) { state.withLock { $0.peers = peers } }
    func set(roundTrips: [String: Duration]) { state.withLock { $0.roundTrips = roundTrips } }

    func members() async -> [ClusterMember] { state.withLock { $0.members } }
    func peers() async -> [JoinAddress] { state.withLock { $0.peers } }
    func roundTrips() async -> [String: Duration] { state.withLock { $0.roundTrips } }
    func problems() async -> [String] { [] }
    func leave() async { state.withLock { $0.done.append("leave") } }

    func forget(_ name: String) async throws {
        try state.withLock { state in
            guard let member = state.members.first(where: { $0.name == name }) else {
                throw ClusterError(.notFound, "there is no node \(name)")
            }
            guard member.state == .dead || member.state == .left else {
                throw ClusterError(.failedPrecondition, "\(name) is alive; stop its daemon first")
            }
            state.members.removeAll { $0.name == name }
            state.done.append("forget \(name)")
        }
    }

    func change(_ change: KeyChange, _ key: GossipKey) async throws {
        state.withLock { $0.done.append("\(change) \(key.fingerprint)") }
    }
}
