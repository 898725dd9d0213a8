import StellarAPI
import StellarCore
import StellarRPC
import StellarStore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarDaemon

/// Conflicts and faults of commands: concurrent commands about one app, nodes that die in the middle, repeated and late
/// calls.
@Suite(.timeLimit(.minutes(10)))
struct AppsOnNodesFaultTests {
    static let image = "docker.io/library/img:latest"
    let app = App.sample("demo", [.sample("web", image: Self.image, replicas: 3)])
    let spread = ["n1": ["demo.web.0"], "n2": ["demo.web.1"], "n3": ["demo.web.2"]]

    private func changed(_ by: String, replicas: Int = 3) -> App {
        var app = app
        app.services[0].process.env = ["BY=\(by)"]
        app.services[0].replicas = replicas
        return app
    }

    /// The environments of all running processes.
    private func environments(_ nodes: FakeNodes) throws -> Set<[String]> {
        try ["n1", "n2", "n3"].reduce(into: []) { found, name in
            try nodes[name].host.state.withLock { $0.containers.values.map(\.service.process.env) }.forEach {
                found.insert($0)
            }
        }
    }

    /// Runs an action before the first call of a kind.
    private func first(
        _ kind: String,
        at node: String? = nil,
        in nodes: FakeNodes,
        _ body: @escaping @Sendable (FakeNodes) async throws -> Void
    ) {
        let isDone = Mutex(false)
        nodes.state.withLock {
            $0.tamper = { [weak nodes] call, called in
                let isFirst = isDone.withLock { isDone in
                    guard call == kind, called == node ?? called, !isDone else { return false }
                    isDone = true
                    return true
                }
                if isFirst, let nodes { try await body(nodes) }
            }
        }
    }

    // MARK: Other commands

    /// While a scale waits for images, another node acknowledges a create with a new form: the scale does not undo it.
    @Test func aChangeDuringAPullIsKept() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            let new = changed("n3")
            first("prepare", in: nodes) { try await $0["n3"].apps.create(new) { _ in } }
            try await nodes["n1"].apps.scale("demo", to: 6) { _ in }
            #expect(nodes.running.values.flatMap { $0 }.count == 6)
            #expect(try environments(nodes) == [["BY=n3"]])
        }
    }

    @Test func aDeleteDuringAPullEndsAScale() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            first("prepare", in: nodes) { try await $0["n3"].apps.delete("demo") { _ in } }
            let error = await #expect(throws: AppError.self) {
                try await nodes["n1"].apps.scale("demo", to: 6) { _ in }
            }
            #expect(error?.code == .aborted && error?.message.contains("demo was deleted meanwhile") == true)
            try await nodes.exchangeAll()
            for name in ["n1", "n2", "n3"] { #expect(try nodes[name].host.things.isEmpty) }
        }
    }

    /// Both are acknowledged, the delete first: so the app is created again, completely.
    @Test func aDeleteDuringAPullPrecedesACreate() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            let new = changed("n1")
            first("prepare", in: nodes) { try await $0["n3"].apps.delete("demo") { _ in } }
            try await nodes["n1"].apps.create(new) { _ in }
            try await nodes.exchangeAll()
            try await eventually("it runs as the create says") { nodes.running == spread ? true : nil }
            #expect(try environments(nodes) == [["BY=n1"]])
        }
    }

    /// Every pair of commands, on two nodes, with late calls.
    @Test(arguments: 0..<12)
    func concurrentCommandsConvergeToOneOfThem(seed: UInt64) async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            try await nodes.exchangeAll()
            let random = Mutex(SplitMix64(seed: seed))
            nodes.state.withLock {
                $0.tamper = { _, _ in
                    for _ in 0..<random.withLock({ Int.random(in: 0..<20, using: &$0) }) { await Task.yield() }
                }
            }
            let kinds = (seed % 4, seed / 4 % 3 + 1)
            let member: @Sendable (String) throws -> FakeNodes.Member = { try nodes[$0] }
            @Sendable func command(_ kind: UInt64, on node: String) async throws {
                let apps = try member(node).apps
                switch kind {
                case 0: try await apps.create(changed(node)) { _ in }
                case 1: try await apps.scale("demo", to: 5) { _ in }
                case 2: try await apps.delete("demo") { _ in }
                default: try await apps.delete("demo.web.1") { _ in }
                }
            }
            async let one = failure { try await command(kinds.0, on: "n1") }
            async let two = failure { try await command(kinds.1, on: "n2") }
            for outcome in await [one, two] {
                let code = (outcome as? AppError)?.code
                #expect(outcome == nil || code == .aborted || code == .notFound, "\(String(describing: outcome))")
            }
            try await nodes.exchangeAll()
            let record = try #require(try nodes["n3"].store.entry(StoreBucket.apps, "demo"))
            let winner = try record.value.map { try DesiredApp(encoded: $0) }
            let wanted = Dictionary(grouping: winner?.assignment.entries ?? [], by: \.node).mapValues {
                $0.map(\.slot.description)
            }
            try await eventually("the running containers match the newest record") { () -> Bool? in
                guard nodes.running == wanted else { return nil }
                let forms = try environments(nodes)
                return forms.isEmpty || forms == [winner?.app.services[0].process.env ?? []] ? true : nil
            }
            for name in ["n1", "n2", "n3"] where wanted[name] == nil { #expect(try nodes[name].host.things.isEmpty) }
        }
    }

    // MARK: Nodes that die

    @Test func aNodeThatDiesBetweenPrepareAndApplyFinishesWhenItReturns() async throws {
        try await FakeNodes.with { nodes in
            first("apply", at: "n2", in: nodes) { $0.takeDown("n2", isSeen: false) }
            let log = ProgressLog()
            try await nodes["n1"].apps.create(app, log.report)
            #expect(nodes.running == ["n1": ["demo.web.0"], "n3": ["demo.web.2"]])
            #expect(
                log.words == ["demo.web.1: it waits for n2: n2 is unreachable (cannot connect to n2:9000)"]
            )
            nodes.bringBack("n2")
            try await nodes.exchange("n3", "n2")
            try await eventually("it runs there, too") { nodes.running == spread ? true : nil }
        }
    }

    /// The daemon of the node that took a command dies at each of its steps; another one starts on its disk and host.
    @Test(arguments: ["create", "scale", "delete"])
    func acknowledgedCommandsSurviveTheCoordinatorsDeathAtAnyStep(command: String) async throws {
        for number in 0..<16 {
            try await FakeNodes.with { nodes in
                try await nodes["n1"].reconciler.recover()
                if command != "create" { try await nodes["n1"].apps.create(app) { _ in } }
                try await nodes.exchangeAll()
                try nodes["n1"].host.setFault(.crash(number))
                let outcome = await failure {
                    switch command {
                    case "create": try await nodes["n1"].apps.create(app) { _ in }
                    case "scale": try await nodes["n1"].apps.scale("demo", to: 6) { _ in }
                    default: try await nodes["n1"].apps.delete("demo") { _ in }
                    }
                }
                try nodes["n1"].host.setFault(.none)
                try await nodes.restart("n1")
                try await nodes["n1"].reconciler.recover()
                try await nodes.exchangeAll()
                let record = try nodes["n2"].store.value(StoreBucket.apps, "demo")
                let desired = try record.map { try DesiredApp(encoded: $0.value ?? []) }
                let entries = desired?.assignment.entries ?? []
                // An acknowledged command holds.
                if outcome == nil { #expect(entries.count == ["create": 3, "scale": 6][command] ?? 0) }
                let wanted = Dictionary(grouping: entries, by: \.node).mapValues { $0.map(\.slot.description) }
                try await eventually("all nodes match the record, after step \(number)") { () -> Bool? in
                    guard nodes.running == wanted else { return nil }
                    for name in ["n1", "n2", "n3"] where try await !nodes[name].journal.isEmpty { return nil }
                    return true
                }
                if record != nil { try await nodes["n3"].apps.delete("demo") { _ in } }
                for name in ["n1", "n2", "n3"] {
                    try await eventually("nothing is left on \(name), after step \(number)") {
                        try nodes[name].host.things.isEmpty ? true : nil
                    }
                }
            }
        }
    }

    // MARK: Calls

    @Test func repeatedAndLateAppliesHaveNoEffect() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            let old = try #require(try nodes["n1"].store.value(StoreBucket.apps, "demo"))
            try await nodes["n1"].apps.create(changed("n1")) { _ in }
            let new = try #require(try nodes["n1"].store.value(StoreBucket.apps, "demo"))
            let n2 = try nodes["n2"]
            let pid = n2.host.pid("demo.web.1")
            let local = LocalNode(reconciler: n2.reconciler)
            async let again = local.apply(new, .requested) { _ in }
            async let once = local.apply(new, .requested) { _ in }
            for outcome in try await [again, once] {
                #expect(outcome.superseded == nil && outcome.failures.isEmpty)
            }
            let late = try await local.apply(old, .requested) { _ in }
            #expect(late.superseded == AppVersion(new))
            #expect(n2.host.pid("demo.web.1") == pid && n2.store.value(StoreBucket.apps, "demo") == new)
            // It does not bring back a deleted app either.
            try await nodes["n3"].apps.delete("demo") { _ in }
            #expect(try await local.apply(new, .requested) { _ in }.superseded?.origin == "n3")
            #expect(n2.host.things.isEmpty)
        }
    }

    /// A later release may write records that this one cannot decode.
    @Test func anUndecodableRecordIsNotOverwrittenAndChangesNothing() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            try await nodes["n3"].store.write([StoreChange(StoreBucket.apps, "demo", Array("{}".utf8))])
            try await nodes.exchangeAll()
            try await eventually("it has arrived") {
                try nodes["n1"].reconciler.book.current.undecodable["demo"] != nil ? true : nil
            }
            for command in ["create", "scale", "delete.one"] {
                let error = await #expect(throws: AppError.self) {
                    switch command {
                    case "create": try await nodes["n1"].apps.create(app) { _ in }
                    case "scale": try await nodes["n1"].apps.scale("demo", to: 2) { _ in }
                    default: try await nodes["n1"].apps.delete("demo.web.1") { _ in }
                    }
                }
                #expect(error?.code == .failedPrecondition, "\(command)")
                #expect(error?.message.contains("cannot decode the stored record of demo") == true, "\(command)")
            }
            #expect(nodes.running == spread)
            // A delete does not need to decode it.
            try await nodes["n1"].apps.delete("demo") { _ in }
            #expect(nodes.running.isEmpty)
        }
    }

    // MARK: Names and numbers

    @Test func nodeNamesMayContainDots() async throws {
        let names = ["ctr-01.example.org", "ctr-02.example.org"]
        try await FakeNodes.with(names) { nodes in
            var app = app
            app.services[0].replicas = 1
            app.services[0].node = names[1]
            try await nodes[names[0]].apps.create(app) { _ in }
            #expect(nodes.running == [names[1]: ["demo.web.0"]])
            let seen = try await nodes[names[0]].view.application("demo").services
            #expect(seen.map(\.status.state) == ["running"] && seen.map(\.node) == [names[1]])
            let why = try await nodes[names[0]].view.why("demo.web")
            #expect(why.contains { $0.hasPrefix("demo.web.0 on ctr-02.example.org runs since") }, "\(why)")
            try await nodes[names[0]].apps.delete("demo") { _ in }
            #expect(try nodes[names[1]].host.things.isEmpty)
        }
    }

    @Test func scaleRestoresADeletedService() async throws {
        try await FakeNodes.with { nodes in
            var two = app
            two.services.append(.sample("db"))
            try await nodes["n1"].apps.create(two) { _ in }
            try await nodes["n2"].apps.delete("demo.web") { _ in }
            #expect(nodes.running.values.flatMap { $0 } == ["demo.db.0"])
            try await nodes["n2"].apps.scale("demo.web", to: 2) { _ in }
            #expect(nodes.running.values.flatMap { $0 }.sorted() == ["demo.db.0", "demo.web.0", "demo.web.1"])
        }
    }
}
