import StellarGossip
import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// Runs the cluster: ready jobs first, then the next event of gossip or the next timer, whichever is earlier.
extension ClusterSimulation {
    func run(for duration: Duration) {
        let end = time + duration.inNanoseconds
        runJobs()
        while let next = [timers.nextTime, gossip.nextEventTime].compactMap({ $0 }).min(), next <= end {
            if let timer = timers.nextTime, timer <= next, let (moment, body) = timers.popFirst() {
                gossip.advance(to: moment)
                body()
            } else {
                gossip.runNextEvent()
            }
            runJobs()
        }
        gossip.advance(to: end)
    }

    /// Runs until a condition holds, checking it every `step`.
    ///
    /// - Returns: whether it held within `limit`.
    func run(within limit: Duration, every step: Duration = .milliseconds(500), until condition: () -> Bool) -> Bool {
        let end = time + limit.inNanoseconds
        while !condition() {
            guard time < end else { return false }
            run(for: step)
        }
        return true
    }

    private func runJobs() {
        deliverReports()
        while scheduler.runNext() {
            if let first = crashes.firstIndex(where: { $0.count <= scheduler.count }) {
                crash(crashes.remove(at: first).node)
            }
            deliverReports()
        }
    }

    /// Gives the stores what gossip reports.
    private func deliverReports() {
        for (index, report) in gossip.takeReports() {
            guard let receive = lives[index]?.report else { continue }
            switch report {
            case .message(let bytes): receive(.message(bytes))
            case .event(.joined(let member)), .event(.updated(let member)): receive(.alive(member.name))
            case .event(.left(let member)), .event(.failed(let member)): receive(.lost(member.name))
            case .event: break
            }
        }
    }

    /// Runs a body as a task of a life.
    func task(_ life: SimulatedLife, _ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: life.executor) { await body() }
    }

    /// Runs a body after a delay.
    func after(_ nanoseconds: Int64, _ body: @escaping () -> Void) { timers.insert(body, at: time + nanoseconds) }
}
