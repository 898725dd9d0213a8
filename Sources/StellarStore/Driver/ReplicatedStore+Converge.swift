import StellarSystem
import Synchronization

/// Which nodes have what this node wrote.
extension ReplicatedStore {
    /// How long a node has to report by itself that it has a write; gossip and the report take less. Then this node calls it.
    static let reportLimit = Duration.milliseconds(700)
    /// How long it has to respond when asked.
    static let responseLimit = Duration.seconds(1)

    /// Gives the store the nodes that ``waitConverged(_:within:)`` asks, before ``synchronize(gossip:peers:trust:)``.
    package func connect(_ peers: any StorePeers) {
        state.withLock { $0.peers = peers }
    }

    /// Waits until every live node has this node's writes up to `stamp`; asks those that are behind.
    ///
    /// - Parameter limit: The longest wait; then each node's state is returned as it is.
    package func waitConverged(_ stamp: StoreStamp, within limit: Duration) async -> [StoreConvergence] {
        guard let peers = state.withLock({ $0.peers }) else { return [] }
        let deadline = clock.now + limit
        var reported: [String: StoreStamp] = [:]
        var failures: [String: String] = [:]
        while true {
            let others = await peers.others().filter { $0.isAlive || $0.isDead }
            reported.merge(seen()) { max($0, $1) }
            let found = others.map { peer in
                let name = peer.name
                return StoreConvergence(
                    node: name,
                    state: Self.state(of: peer, reported: reported[name], wanted: stamp, failure: failures[name])
                )
            }
            let laggards = found.filter { $0.state.isWorthWaiting }.map(\.node)
            let left = deadline - clock.now
            guard !laggards.isEmpty, left > .zero, !Task.isCancelled else { return found.sorted { $0.node < $1.node } }
            if await receivedReport(within: min(Self.reportLimit, left)) { continue }
            let responses = await peers.seen(
                node,
                by: laggards,
                limit: min(Self.responseLimit, max(deadline - clock.now, .milliseconds(100)))
            )
            for (name, response) in responses {
                switch response {
                case .success(let stamp): (reported[name], failures[name]) = (max(reported[name] ?? .zero, stamp), nil)
                case .failure(let error): failures[name] = error.message
                }
            }
        }
    }

    private static func state(
        of peer: StorePeer,
        reported: StoreStamp?,
        wanted: StoreStamp,
        failure: String?
    ) -> StoreConvergence.State {
        if let reported, reported >= wanted { return .reached }
        if peer.isDead { return .dead }
        return failure.map { .unreachable($0) } ?? .behind(reported)
    }

    /// Waits until a node reports how far it is.
    ///
    /// - Returns: false where none did within the limit.
    private func receivedReport(within limit: Duration) async -> Bool {
        let alarm = Alarm(clock: clock)
        alarm.set(clock.now + limit)
        let number = state.withLock { state in
            state.reportAlarmNumber += 1
            state.reportAlarms[state.reportAlarmNumber] = alarm
            return state.reportAlarmNumber
        }
        await alarm.wait()
        // A report removes the alarms that it wakes.
        return state.withLock { $0.reportAlarms.removeValue(forKey: number) } == nil
    }

    func wakeReportAlarms() {
        let alarms = state.withLock { state in
            defer { state.reportAlarms = [:] }
            return state.reportAlarms.values
        }
        for alarm in alarms { alarm.wake() }
    }
}

extension StoreConvergence.State {
    /// Whether the node may have the writes soon.
    fileprivate var isWorthWaiting: Bool {
        switch self {
        case .behind, .unreachable: true
        case .reached, .dead: false
        }
    }
}
