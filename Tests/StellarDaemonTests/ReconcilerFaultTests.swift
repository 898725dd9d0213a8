import StellarCore
import StellarStore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarDaemon

/// Each step of create and delete fails once, and the daemon dies at each step once.
@Suite(.timeLimit(.minutes(20)))
struct ReconcilerFaultTests {
    let app = App.sample("demo", [.sample("web"), .sample("job", image: "new")])

    /// More steps than any operation of this app has.
    private static let manySteps = 0..<40

    @Test(arguments: [false, true])
    func createThatFailsAtAnyStepLeavesNothing(afterItsWork: Bool) async throws {
        for number in Self.manySteps {
            try await FakeNode.with { node in
                try await node.run { daemon in
                    try await daemon.reconciler.recover()
                    node.host.setFault(afterItsWork ? .after(number) : .before(number))
                    let outcome = await failure { try await daemon.apps.create(app) { _ in } }
                    node.host.setFault(.none)
                    if outcome != nil {
                        // The other slot may run; a delete removes it, and a slot that was undone is no error.
                        if daemon.reconciler.book.current.apps["demo"] != nil {
                            try await daemon.apps.delete("demo") { _ in }
                        }
                        #expect(node.host.things.isEmpty, "step \(number)")
                        #expect(try await node.stored().isEmpty, "step \(number)")
                    }
                }
            }
        }
    }

    @Test func daemonThatDiesAtAnyStepOfACreateFinishesOrUndoesIt() async throws {
        for number in Self.manySteps {
            try await FakeNode.with { node in
                try await node.run { daemon in
                    try await daemon.reconciler.recover()
                    node.host.setFault(.crash(number))
                    _ = await failure { try await daemon.apps.create(app) { _ in } }
                }
                node.host.setFault(.none)
                try await node.run { daemon in
                    try await daemon.reconciler.recover()
                    let wanted = await daemon.reconciler.slots.map(\.id.description).sorted()
                    try await eventually("all desired slots run, after step \(number)") {
                        let journal = try await node.stored().filter { $0.hasPrefix("journal") }
                        return node.host.running == wanted && journal.isEmpty ? true : nil
                    }
                    if !wanted.isEmpty { try await daemon.apps.delete("demo") { _ in } }
                }
                #expect(node.host.things.isEmpty, "step \(number)")
                #expect(try await node.stored().isEmpty, "step \(number)")
            }
        }
    }

    @Test func daemonThatDiesAtAnyStepOfADeleteFinishesIt() async throws {
        for number in Self.manySteps {
            try await FakeNode.with { node in
                try await node.run { daemon in
                    try await daemon.apps.create(app) { _ in }
                    node.host.setFault(.crash(number))
                    _ = await failure { try await daemon.apps.delete("demo") { _ in } }
                }
                node.host.setFault(.none)
                try await node.run { daemon in
                    try await daemon.reconciler.recover()
                    try await eventually("nothing is left, after step \(number)") {
                        let stored = try await node.stored()
                        return node.host.things.isEmpty && stored.isEmpty ? true : nil
                    }
                }
            }
        }
    }

    @Test func aReconcileDuringAFailingCreateLeavesNothing() async throws {
        for number in Self.manySteps {
            try await FakeNode.with { node in
                try await node.run { daemon in
                    try await daemon.reconciler.recover()
                    node.host.setFault(.crash(number))
                    async let created = failure { try await daemon.apps.create(app) { _ in } }
                    // As after an event of containerd: failed slots start again while the create continues.
                    for _ in 0..<200 {
                        await daemon.reconciler.reconcile([])
                        await Task.yield()
                    }
                    node.host.setFault(.none)
                    _ = await created
                    try await eventually("it runs, or nothing of it is left, after step \(number)") {
                        let wanted = await daemon.reconciler.slots.map(\.id.description).sorted()
                        await daemon.reconciler.reconcile([])
                        let isWhole = node.host.running == wanted && (!wanted.isEmpty || node.host.things.isEmpty)
                        let stored = try await node.stored().filter { !wanted.isEmpty ? $0.hasPrefix("journal") : true }
                        return isWhole && stored.isEmpty ? true : nil
                    }
                }
            }
        }
    }

    /// A lost disk has no records of the running containers; the other nodes have.
    @Test func theSweepWaitsForOtherNodesAndNothingElseDoes() async throws {
        try await FakeNode.with { node in
            let app = App.sample("demo", [.sample("web"), .sample("job")])
            let record = try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                return try #require(daemon.store.value(StoreBucket.apps, "demo"))
            }
            let before = node.host.state.withLock { state in
                state.containers["old.web.0"] = FakeHost.Container(service: .sample("web"), pid: 7, isRunning: true)
                return state
            }
            try await FakeNode.with(node.host) { replaced in
                let hasReceived = Mutex(false)
                try await replaced.run(awaitsOthers: { hasReceived.withLock { !$0 } }) { daemon in
                    try await daemon.reconciler.recover()
                    try await daemon.apps.create(.sample("new", [.sample("web")])) { _ in }
                    #expect(node.host.running == ["demo.job.0", "demo.web.0", "new.web.0", "old.web.0"])
                    try await daemon.store.take([record])
                    try await eventually("the record has arrived, and they are adopted") {
                        let states = await daemon.reconciler.statuses.values.map(\.state)
                        return states == [.running, .running, .running] ? true : nil
                    }
                    #expect(node.host.state.withLock { $0.stopped.isEmpty })
                    hasReceived.withLock { $0 = true }
                    try await eventually("unknown containers are removed") {
                        node.host.running == ["demo.job.0", "demo.web.0", "new.web.0"] ? true : nil
                    }
                    // They were not touched, and keep their addresses.
                    for id in ["demo.job.0", "demo.web.0"] {
                        #expect(node.host.pid(id) == before.containers[id]?.pid)
                        #expect(await daemon.addresses.address(of: id, node: FakeNode.id) == before.addresses[id])
                    }
                    #expect(node.host.state.withLock { $0.stopped } == ["old.web.0"])
                }
            }
        }
    }

    @Test func theSweepDoesNotWaitForSilentNodesForEver() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { _ = $0.directories.insert("old.web.0") }
            try await node.run(awaitsOthers: { true }, recordsWait: .milliseconds(1)) { daemon in
                try await daemon.reconciler.recover()
                try await eventually("it is removed") { node.host.things.isEmpty ? true : nil }
            }
        }
    }

    /// If two containers have one address, as after the restore of an old disk, one gets another.
    @Test func noTwoContainersHaveOneAddress() async throws {
        try await FakeNode.with { node in
            _ = try await node.run { daemon in
                try await daemon.apps.create(.sample("demo", [.sample("web"), .sample("job")])) { _ in }
            }
            let address = try #require(node.host.state.withLock { $0.addresses["demo.web.0"] })
            node.host.state.withLock { $0.addresses["demo.job.0"] = address }
            try await FakeNode.with(node.host) { replaced in
                try await replaced.run { daemon in
                    _ = try await daemon.addresses.allocate(["x.y.0"], node: FakeNode.id)
                    try await daemon.reconciler.readAddresses(of: [])
                    let given = await [
                        daemon.addresses.address(of: "demo.job.0", node: FakeNode.id),
                        daemon.addresses.address(of: "demo.web.0", node: FakeNode.id),
                    ]
                    #expect(given == [address, nil])
                }
            }
        }
    }

    @Test func unknownContainersOfAnEarlierStartAreSwept() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { state in
                state.containers["old.web.0"] = FakeHost.Container(service: .sample("web"), pid: 7, isRunning: true)
                state.namespaces = ["old.web.0", "lost.web.0"]
                state.attached = ["lost.web.0"]
                state.directories = ["gone.web.0"]
            }
            try await node.run { daemon in
                _ = try await daemon.addresses.allocate(["leaked.web.0"], node: FakeNode.id)
                try await daemon.reconciler.recover()
            }
            #expect(node.host.things.isEmpty)
            #expect(try await node.stored().isEmpty)
        }
    }
}

/// The error of a call.
func failure(_ body: () async throws -> Void) async -> (any Error)? {
    do {
        try await body()
        return nil
    } catch {
        return error
    }
}
