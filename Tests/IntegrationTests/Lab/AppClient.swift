import StellarTestKit
import Synchronization
import Testing

/// A client that creates, scales and deletes one app at random nodes, and keeps the acknowledged results.
final class AppClient: Sendable {
    let app: String
    private let image: String
    private let cluster: StellarCluster
    private struct State {
        var random: SplitMix64
        /// The numbers of replicas that the app can have now; 0 is no app.
        var possible: Set<Int> = [0]
        var isFinished = false
        var history: [String] = []
    }
    private let state: Mutex<State>

    init(app: String, image: String, cluster: StellarCluster, seed: UInt64) {
        self.app = app
        self.image = image
        self.cluster = cluster
        state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    func finish() { state.withLock { $0.isFinished = true } }

    func work() async throws {
        while !state.withLock({ $0.isFinished }) {
            let (node, replicas, creates, pause) = state.withLock { state in
                (
                    cluster.nodes.randomElement(using: &state.random) ?? cluster.nodes[0],
                    Int.random(in: 0...4, using: &state.random), Bool.random(using: &state.random),
                    Int.random(in: 0..<300, using: &state.random)
                )
            }
            let command: [String]
            if replicas == 0 {
                command = ["apps", "delete", app]
            } else if creates {
                let file = try node.file("\(app).json", serverApp(app, image, replicas: replicas))
                command = ["apps", "create", "-f", file]
            } else {
                command = ["apps", "scale", "\(app).main", "\(replicas)"]
            }
            let result = try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", node.socket] + command)
            state.withLock { state in
                switch result.status {
                // A new app of which nothing ran is withdrawn.
                case 9 where creates && state.possible.contains(0): state.possible = [0, replicas]
                // Accepted; 9: not all of it runs yet.
                case 0, 9: state.possible = [replicas]
                // Refused: nothing happened.
                case 2, 4: break
                default: state.possible.insert(replicas)
                }
                let last = result.errors.split(separator: "\n").last ?? ""
                state.history.append(
                    "\(node.name) \(command.dropFirst().joined(separator: " ")): \(result.status) \(last)"
                )
            }
            try await Task.sleep(for: .milliseconds(pause))
        }
    }

    /// Waits until the app has one of the possible numbers of replicas, and returns it.
    func outcome(_ round: Int) async throws -> Int {
        let possible = state.withLock { $0.possible }
        do {
            return try await eventually("\(app) is as acknowledged", within: .seconds(300), every: .milliseconds(500)) {
                let count = try await cluster.places(of: app).count
                let isListed = try await cluster.nodes[0].apps().contains { $0[0] == app }
                return possible.contains(count) && isListed == (count > 0) ? count : nil
            }
        } catch {
            let places = try await cluster.places(of: app).map { "\($0.id) on \($0.node.name)" }
            let history = state.withLock { $0.history }
            Issue.record("round \(round), \(app): runs \(places), allowed \(possible.sorted()), after \(history)")
            throw error
        }
    }
}
