import Logging
import StellarSystem
import Synchronization

/// The store's part in the network: live nodes, messages, exchanges.
extension ReplicatedStore {
    /// Keeps this node's copy and those of other nodes the same, beside ``run()``, until cancelled.
    ///
    /// - Parameter trust: With ``StoreTrust/nobody`` this node stays by itself.
    package func synchronize(gossip: any StoreGossip, peers: any StorePeers, trust: StoreTrust = .gossip) async {
        // Without a deadline: until cancelled.
        guard trust != .nobody else { return await Alarm().wait() }
        await withDiscardingTaskGroup { group in
            group.addTask {
                await gossip.listen { news in
                    if case .message(let bytes) = news, !trust.accepts(bytes) { return }
                    self.receive(news)
                }
                // A node that has left the cluster gets no more news of others.
                for name in self.state.withLock({ $0.alive }) { self.receive(.lost(name)) }
            }
            group.addTask {
                for await effect in self.outgoing {
                    switch effect {
                    case .broadcast(let bytes, let subject):
                        guard let allowed = trust.outgoing(bytes, about: subject, from: self.node) else { continue }
                        await gossip.broadcast(allowed.message, about: allowed.subject)
                    case .send(let bytes, let name):
                        guard let allowed = trust.outgoing(bytes, about: name, from: self.node) else { continue }
                        await gossip.send(allowed.message, to: name)
                    default: break
                    }
                }
            }
            group.addTask {
                for await case .exchange(let name, let isFull) in self.exchanges {
                    do {
                        try await self.exchange(with: name, isFull: isFull, peers: peers)
                    } catch {
                        // The machine tries again, with another node where it can.
                        self.logger.debug(
                            "exchange failed",
                            metadata: ["stellar.node": "\(name)", "reason": "\(error)"]
                        )
                    }
                }
            }
        }
    }

    private func receive(_ news: StoreGossipNews) {
        switch news {
        case .message(let bytes):
            do {
                try update { try $0.machine.receive(bytes, now: StoreTime(clock), using: &$0.random) }
            } catch {
                // Other programs may use the same gossip.
                logger.debug(
                    "ignoring a gossip message that is not a store message",
                    metadata: ["reason": "\(error)"]
                )
            }
        case .alive(let name):
            guard name != node else { return }
            update { state in
                state.alive.insert(name)
                state.machine.joined(name, now: StoreTime(clock), using: &state.random)
            }
        case .lost(let name):
            guard name != node else { return }
            update { state in
                state.alive.remove(name)
                state.machine.lost(name, now: StoreTime(clock))
            }
        }
    }
}
