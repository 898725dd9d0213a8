import Synchronization

/// Who has what this node wrote.
extension ReplicatedStore {
    /// How long a node has to tell by itself that it has something before it is asked: gossip and its answer take less.
    static let askInterval = Duration.milliseconds(700)
    /// For its answer.
    static let answerLimit = Duration.seconds(1)

    /// Connects the questions to the network, before ``run(gossip:peers:)``.
    package func connect(_ peers: any StorePeers) {
        state.withLock { $0.peers = peers }
    }

    package func waitConverged(_ stamp: StoreStamp, within limit: Duration) async -> [StoreConvergence] {
        guard let peers = state.withLock({ $0.peers }) else { return [] }
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        var told: [String: StoreStamp] = [:]
        var reasons: [String: String] = [:]
        while true {
            let others = await peers.others().filter { $0.isAlive || $0.isDead }
            told.merge(seen()) { max($0, $1) }
            let found = others.map { peer in
                StoreConvergence(
                    node: peer.name,
                    state: Self.standing(peer, told: told[peer.name], wanted: stamp, reason: reasons[peer.name])
                )
            }
            let laggards = found.filter { $0.state.isWorthWaiting }.map(\.node)
            let left = deadline - clock.now
            guard !laggards.isEmpty, left > .zero, !Task.isCancelled else { return found.sorted { $0.node < $1.node } }
            if await wasTold(within: min(Self.askInterval, left)) { continue }
            let answers = await peers.seen(
                node,
                by: laggards,
                limit: min(Self.answerLimit, max(deadline - clock.now, .milliseconds(100)))
            )
            for (name, answer) in answers {
                switch answer {
                case .success(let stamp): (told[name], reasons[name]) = (max(told[name] ?? .zero, stamp), nil)
                case .failure(let error): reasons[name] = error.message
                }
            }
        }
    }

    private static func standing(
        _ peer: StorePeer,
        told: StoreStamp?,
        wanted: StoreStamp,
        reason: String?
    ) -> StoreConvergence.State {
        if let told, told >= wanted { return .reached }
        if peer.isDead { return .dead }
        return reason.map { .unreachable($0) } ?? .behind(told)
    }

    /// Waits until some node tells how far it is.
    ///
    /// - Returns: false where none did.
    private func wasTold(within limit: Duration) async -> Bool {
        let (number, nap) = state.withLock { state in
            state.napNumber += 1
            let nap = Task { _ = try? await Task.sleep(for: limit) }
            state.naps[state.napNumber] = nap
            return (state.napNumber, nap)
        }
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
        // Who wakes it up takes it out.
        return state.withLock { $0.naps.removeValue(forKey: number) } == nil
    }

    func wakeNaps() {
        let naps = state.withLock { state in
            defer { state.naps = [:] }
            return state.naps.values
        }
        for nap in naps { nap.cancel() }
    }
}

extension StoreConvergence.State {
    /// It may come, and soon.
    fileprivate var isWorthWaiting: Bool {
        switch self {
        case .behind, .unreachable: true
        case .reached, .dead: false
        }
    }
}
