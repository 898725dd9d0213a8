import Logging
import StellarSystem
import Synchronization

/// The network beside the store: who is there, messages, exchanges, and the time.
extension ReplicatedStore {
    /// Keeps this node's copy and those of the others the same, until cancelled. Waits for nobody.
    ///
    /// - Parameter trust: Where it is nobody, this node stays by itself.
    package func run(gossip: any StoreGossip, peers: any StorePeers, trust: StoreTrust = .gossip) async {
        await withDiscardingTaskGroup { group in
            guard trust != .nobody else {
                group.addTask { await self.keepTime() }
                return
            }
            group.addTask {
                await gossip.listen { news in
                    if case .message(let bytes) = news, !trust.believes(bytes) { return }
                    self.heard(news)
                }
                // Who has left the cluster hears of nobody any more.
                for name in self.state.withLock({ $0.present }) { self.heard(.absent(name)) }
            }
            group.addTask { await self.keepTime() }
            group.addTask {
                for await effect in self.outgoing {
                    switch effect {
                    case .broadcast(let bytes, let subject):
                        guard let told = trust.outgoing(bytes, about: subject, from: self.node) else { continue }
                        await gossip.broadcast(told.message, about: told.subject)
                    case .send(let bytes, let name):
                        guard let told = trust.outgoing(bytes, about: name, from: self.node) else { continue }
                        await gossip.send(told.message, to: name)
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
                            "an exchange failed",
                            metadata: ["stellar.node": "\(name)", "reason": "\(error)"]
                        )
                    }
                }
            }
        }
    }

    private func heard(_ news: StoreGossipNews) {
        switch news {
        case .message(let bytes):
            do {
                try update { try $0.machine.receive(bytes, now: .now, using: &$0.random) }
            } catch {
                // Other programs may speak on the same gossip.
                logger.debug("a gossip message is none of the store's", metadata: ["reason": "\(error)"])
            }
        case .present(let name):
            guard name != node else { return }
            update { state in
                state.present.insert(name)
                state.machine.joined(name, now: .now, using: &state.random)
            }
        case .absent(let name):
            guard name != node else { return }
            update { state in
                state.present.remove(name)
                state.machine.lost(name, now: .now)
            }
        }
    }

    /// A node will not come back: nothing waits for it any more.
    package func forget(_ name: String) {
        update { state in
            state.present.remove(name)
            state.machine.forget(name)
        }
    }

    private func keepTime() async {
        while !Task.isCancelled {
            let sleep = state.withLock { state in
                let deadline = state.machine.deadline
                // Never none at all, whatever the machine wants.
                let wait = max(deadline - StoreTime.now.monotonic, .milliseconds(1))
                let sleep = Task { _ = try? await Task.sleep(for: wait) }
                state.alarm = Alarm(deadline: deadline, sleep: sleep)
                return sleep
            }
            await withTaskCancellationHandler {
                await sleep.value
            } onCancel: {
                sleep.cancel()
            }
            update { state in
                let now = StoreTime.now
                if state.machine.deadline <= now.monotonic { state.machine.advance(now: now, using: &state.random) }
            }
        }
    }
}
