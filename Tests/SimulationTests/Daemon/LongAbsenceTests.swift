import StellarCore
import StellarStore
import StellarTestKit
import Testing

@testable import StellarDaemon

/// A node that is away until the others have forgotten a delete.
struct LongAbsenceTests {
    /// What a node runs after an app was deleted without it.
    private struct Outcome: Sendable {
        var isPurged = false
        var violations: [CommandLedger.Violation] = []
    }

    /// - Parameter isCutOff: the daemon of the node continues to run, cut off; otherwise it is down.
    private func outcome(isCutOff: Bool) async throws -> Outcome {
        try await ClusterSimulation.inOwnThread { directory in
            let cluster = ClusterSimulation(seed: 5, directory: directory)
            for _ in 0..<3 { cluster.add() }
            cluster.run(for: .seconds(3))
            DaemonChecksTests.create(cluster)
            cluster.converge()
            if isCutOff { cluster.gossip.network.groups[2] = 1 } else { cluster.crash(2) }
            cluster.run(for: .seconds(30))
            guard let life = cluster.lives[0], let daemon = life.daemon else { return Outcome() }
            let number = cluster.ledger.begin(CommandLedger.Command(app: "shop", kind: .delete, node: 0, time: 0))
            cluster.task(life) {
                if let version = try? await daemon.apps.delete("shop", { _ in }) {
                    cluster.ledger.end(number, .acknowledged(version))
                }
            }
            cluster.run(for: .seconds(60))
            cluster.pass(.seconds(40 * 24 * 3600))
            cluster.run(for: .seconds(60))
            var outcome = Outcome(isPurged: daemon.store.entry(StoreBucket.apps, "shop") == nil)
            cluster.gossip.network.groups = [:]
            cluster.restart(2)
            _ = cluster.run(within: ClusterSimulation.convergenceLimit) { cluster.hosts[2].containers.isEmpty }
            cluster.run(for: .seconds(30))
            outcome.violations = cluster.differences()
            cluster.end()
            return outcome
        }
    }

    @Test(arguments: [true, false]) func aForgottenDeleteEndsTheApp(isCutOff: Bool) async throws {
        let outcome = try await outcome(isCutOff: isCutOff)
        #expect(outcome.isPurged, "otherwise nothing is shown")
        #expect(outcome.violations.isEmpty)
    }
}
