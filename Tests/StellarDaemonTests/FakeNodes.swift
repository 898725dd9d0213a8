import StellarCore
import StellarRPC
import StellarStorage
import StellarStore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarDaemon

/// Several nodes in one process: real stores on real databases, real reconcilers and coordinators on fake hosts. They
/// communicate only by calls, and by ``exchange(_:_:)`` at a test's request; any node can be down.
final class FakeNodes: Sendable {
    struct Member: Sendable {
        var name: String
        var host: FakeHost
        var database: Database
        var daemon: FakeDaemon

        var store: ReplicatedStore { daemon.store }
        var reconciler: Reconciler { daemon.reconciler }
        var apps: AppCoordinator { daemon.apps }
        var view: AppsView { daemon.view }
        var records: RecordBook { daemon.records }

        /// What is begun and not finished.
        var journal: [ContainerID: SlotOperation] {
            get async throws { try await JournalBook(database: database).load() }
        }
    }

    struct State {
        var members: [String: Member] = [:]
        var runs: [String: Task<Void, Never>] = [:]
        /// The nodes that are down.
        var down: Set<String> = []
        /// The nodes that are down and that the others see as dead.
        var dead: Set<String> = []
        var labels: [String: Labels] = [:]
        var calls: [String] = []
        /// Runs before each call between nodes; may throw, or take a node down.
        var tamper: (@Sendable (_ call: String, _ node: String) async throws -> Void)?
    }

    let state = Mutex(State())
    private let names: [String]

    private init(_ names: [String]) {
        self.names = names
    }

    subscript(name: String) -> Member {
        get throws {
            try #require(state.withLock { $0.members[name] })
        }
    }

    var calls: [String] { state.withLock { $0.calls } }

    /// Runs nodes during `body`.
    static func with(
        _ names: [String] = ["n1", "n2", "n3"],
        labels: [String: Labels] = [:],
        _ body: (FakeNodes) async throws -> Void
    ) async throws {
        let nodes = FakeNodes(names)
        nodes.state.withLock { $0.labels = labels }
        try await TemporaryDirectory.with { directory in
            for name in names {
                try await nodes.start(name, FakeHost(), try await Database.open(path: "\(directory)/\(name).db"))
            }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(nodes))
            } catch {
                outcome = .failure(error)
            }
            for name in names {
                await nodes.end(name)
                await nodes.state.withLock { $0.members[name] }?.database.close()
            }
            try outcome.get()
        }
    }

    /// Ends a node's daemon, and starts another one on its disk and host.
    func restart(_ name: String) async throws {
        await end(name)
        let member = try self[name]
        try await start(name, member.host, member.database)
    }

    private func start(_ name: String, _ host: FakeHost, _ database: Database) async throws {
        let member = try await member(name, host, database)
        let run = Task { await member.daemon.run() }
        state.withLock { state in
            state.members[name] = member
            state.runs[name] = run
        }
    }

    private func end(_ name: String) async {
        let run = state.withLock { $0.runs[name] }
        run?.cancel()
        await run?.value
    }

    private func member(_ name: String, _ host: FakeHost, _ database: Database) async throws -> Member {
        let daemon = try await FakeDaemon(
            Node(id: name, address: "\(name):9000", labels: state.withLock { $0.labels[name] ?? [:] }),
            on: host,
            database,
            remote: { [unowned self] view in Remote(nodes: self, name: view.id) },
            nodes: { [weak self] in self?.views(of: name) ?? [] }
        )
        return Member(name: name, host: host, database: database, daemon: daemon)
    }

    private func views(of own: String) -> [NodeView] {
        let (dead, labels) = state.withLock { ($0.dead, $0.labels) }
        let members = names.map { name in
            ClusterMember(
                name: name,
                address: "\(name):7946",
                metadata: (try? NodeAnnouncement(address: "\(name):9000", labels: labels[name] ?? [:]).metadata().bytes)
                    ?? [],
                state: dead.contains(name) ? .dead : .alive,
                lastSeen: dead.contains(name) ? .seconds(120) : .zero,
                isSelf: name == own
            )
        }
        return NodeView.all(members, own: Node(id: own, address: "\(own):9000", labels: labels[own] ?? [:]))
    }

    /// Exchanges all writes between two nodes, as the store does.
    func exchange(_ one: String, _ other: String) async throws {
        let (one, other) = (try self[one], try self[other])
        let buckets = [StoreBucket.apps, StoreBucket.nodes]
        try await other.store.take(one.store.everything.filter { buckets.contains($0.key.bucket) })
        try await one.store.take(other.store.everything.filter { buckets.contains($0.key.bucket) })
    }

    /// Exchanges all writes between all nodes.
    func exchangeAll() async throws {
        // Twice, so that writes of the last node reach the first.
        for _ in 0..<2 {
            for (index, one) in names.enumerated() {
                for other in names.dropFirst(index + 1) { try await exchange(one, other) }
            }
        }
    }

    /// Takes a node down; the others detect it if `isSeen` is true.
    func takeDown(_ name: String, isSeen: Bool = true) {
        state.withLock { state in
            state.down.insert(name)
            if isSeen { state.dead.insert(name) }
        }
    }

    func bringBack(_ name: String) {
        state.withLock { state in
            state.down.remove(name)
            state.dead.remove(name)
        }
    }

    /// The running containers of each node.
    var running: [String: [String]] {
        state.withLock { $0.members.mapValues { $0.host.running }.filter { !$0.value.isEmpty } }
    }

    fileprivate func reach(_ call: String, _ node: String) async throws -> LocalNode {
        let tamper = state.withLock { state in
            state.calls.append("\(call) \(node)")
            return state.tamper
        }
        do {
            try await tamper?(call, node)
            return try local(node)
        } catch {
            throw NodeUnreachable(reason: Cause(of: error))
        }
    }

    /// - Throws: if the node is down.
    fileprivate func local(_ node: String) throws -> LocalNode {
        guard state.withLock({ !$0.down.contains(node) }) else {
            throw RPCError(.unavailable, "cannot connect to \(node):9000")
        }
        return LocalNode(reconciler: try self[node].reconciler)
    }

    /// Calls another node's reconciler directly.
    struct Remote: AppNode {
        unowned let nodes: FakeNodes
        let name: String

        func newest(_ app: String, than known: AppVersion?) async -> StoreEntry? {
            try? nodes.local(name).newest(app, than: known)
        }

        func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws -> AppOutcome {
            try await called("prepare") { try await $0.prepare(images, progress) }
        }

        func apply(
            _ record: StoreEntry,
            _ occasion: Occasion,
            _ progress: @escaping Progress
        ) async throws -> AppOutcome {
            try await called("apply") { try await $0.apply(record, occasion, progress) }
        }

        func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async throws -> AppOutcome {
            try await called("restart") { try await $0.restart(ids, progress) }
        }

        private func called(
            _ call: String,
            _ body: (LocalNode) async throws -> AppOutcome
        ) async throws -> AppOutcome {
            let node = try await nodes.reach(call, name)
            do {
                return try await body(node)
            } catch {
                throw NodeUnreachable(reason: Cause(of: error))
            }
        }
    }
}

/// The lines of a command's progress.
final class ProgressLog: Sendable {
    private let lines = Mutex<[SlotProgress]>([])

    var report: @Sendable (SlotProgress) -> Void { { line in self.lines.withLock { $0.append(line) } } }
    var all: [SlotProgress] { lines.withLock { $0 } }

    /// The last state of each slot.
    var last: [String: SlotState] {
        Dictionary(all.map { ($0.id.description, $0.state) }, uniquingKeysWith: { $1 })
    }

    /// The messages of the progress.
    var words: [String] { all.filter { !$0.message.isEmpty }.map { "\($0.id): \($0.message)" } }
}
