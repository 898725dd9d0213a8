import StellarCore
import StellarStorage
import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// A reconciler on a fake host and a real database. Each run on the same two is a start of the daemon.
struct FakeNode: Sendable {
    let host: FakeHost
    let database: Database
    static let id = "n1"

    static func with(_ host: FakeHost = FakeHost(), _ body: (FakeNode) async throws -> Void) async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/test.db")
            try await body(FakeNode(host: host, database: database))
            await database.close()
        }
    }

    /// Runs the daemon during `body`.
    func run<Result: Sendable>(
        awaitsOthers: @escaping @Sendable () async -> Bool = { false },
        recordsWait: Duration = .seconds(3600),
        _ body: @Sendable (FakeDaemon) async throws -> Result
    ) async throws -> Result {
        let node = Node(id: Self.id, address: "127.0.0.1:9000")
        let daemon = try await FakeDaemon(
            node,
            on: host,
            database,
            remote: { _ in NoNode() },
            nodes: { [.own(node)] },
            awaitsOthers: awaitsOthers,
            recordsWait: recordsWait
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await daemon.run() }
            let result = try await body(daemon)
            group.cancelAll()
            return result
        }
    }

    /// Descriptions of the stored apps and slots; empty if there are none.
    func stored() async throws -> [String] {
        try await database.read { connection in
            let ips = try Buckets(connection).entries(in: StoreBucket.network, prefix: "ips.").map {
                "address \($0.key)"
            }
            let apps = try Entries(connection).all()
                .filter { $0.bucket == StoreBucket.apps && $0.value != nil }.map { "app \($0.key)" }
            let journal = try Journal(connection).entries().map { "journal \($0.subject) \($0.operation)" }
            return ips + apps + journal
        }
    }
}

/// The other node of a node that is alone: every call to it fails.
struct NoNode: AppNode {
    struct Called: Error {}

    func newest(_ app: String, than known: AppVersion?) async -> StoreEntry? { nil }

    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws -> AppOutcome { throw Called() }

    func apply(_ record: StoreEntry, _ occasion: Occasion, _ progress: @escaping Progress) async throws -> AppOutcome {
        throw Called()
    }

    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async throws -> AppOutcome { throw Called() }
}

extension App {
    /// An app of services, with one replica each by default.
    static func sample(_ name: String = "demo", _ services: [Service]) -> App { App(name: name, services: services) }
}

extension Service {
    static func sample(
        _ name: String,
        image: String = "docker.io/library/img:latest",
        replicas: Int = 1,
        restart: RestartPolicy = .always
    ) -> Service {
        var service = Service(name: name, image: image)
        service.replicas = replicas
        service.restart = restart
        service.process.args = ["run"]
        return service
    }
}
