import StellarCore
import StellarRPC
import StellarStore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarDaemon

@Suite(.timeLimit(.minutes(10)))
struct ReconcilerTests {
    let app = App.sample("demo", [.sample("web", replicas: 2), .sample("db")])
    let ids = ["demo.db.0", "demo.web.0", "demo.web.1"]

    @Test func createRunsEverySlotAndDeleteLeavesNothing() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                let states = Mutex<[String: [SlotState]]>([:])
                try await daemon.apps.create(app) { progress in
                    states.withLock { $0[progress.id.description, default: []].append(progress.state) }
                }
                #expect(node.host.running == ids)
                #expect(states.withLock { $0["demo.db.0"] } == [.waiting, .creating, .starting, .running])
                #expect(daemon.records.lookup("demo.web.stellar").filter { $0.type == .a }.count == 2)
                #expect(daemon.records.lookup("DEMO.WEB.1.stellar").map(\.type) == [.a, .txt])
                #expect(try await node.stored().filter { $0.hasPrefix("journal") }.isEmpty)

                try await daemon.apps.delete("demo") { _ in }
                #expect(node.host.things.isEmpty)
                let stored = try await node.stored()
                #expect(stored.isEmpty)
                #expect(daemon.records.all().isEmpty)
                #expect(await daemon.view.applications().isEmpty)
            }
        }
    }

    @Test func creatingTheSameAppAgainTouchesNothing() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                let pids = ids.map(node.host.pid)
                node.host.setFault(.none)
                try await daemon.apps.create(app) { _ in }
                #expect(ids.map(node.host.pid) == pids)
                #expect(node.host.state.withLock { $0.log } == ["container", "container", "container"])
            }
        }
    }

    @Test func changedServiceIsRecreatedAndTheOthersStay() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                let before = ids.map(node.host.pid)
                var changed = app
                changed.services[1].process.env = ["A=1"]
                changed.services[0].replicas = 1
                try await daemon.apps.create(changed) { _ in }
                #expect(node.host.pid("demo.web.0") == before[1])
                #expect(node.host.pid("demo.db.0") != before[0])
                #expect(node.host.running == ["demo.db.0", "demo.web.0"])
            }
        }
    }

    @Test func lostContainerComesBackWithTheSameCreate() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                node.host.state.withLock { $0.containers["demo.web.1"] = nil }
                try await daemon.apps.create(app) { _ in }
                #expect(node.host.running == ids)
            }
        }
    }

    @Test func missingImageIsNamedAndTheAppWithdrawn() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { _ = $0.missingImages.insert("nope") }
            try await node.run { daemon in
                let bad = App.sample("demo", [.sample("web"), .sample("db", image: "nope")])
                let error = await #expect(throws: AppError.self) { try await daemon.apps.create(bad) { _ in } }
                #expect(error?.code == .notFound)
                #expect(error?.message == "demo.db.0: image nope not found")
                #expect(node.host.things.isEmpty)
                let stored = try await node.stored()
                #expect(stored.isEmpty)
            }
        }
    }

    @Test func changeWhoseImageIsMissingLeavesTheAppAsItWas() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { _ = $0.missingImages.insert("nope") }
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                let pids = ids.map(node.host.pid)
                var changed = app
                changed.services[0].image = "nope"
                await #expect(throws: AppError.self) { try await daemon.apps.create(changed) { _ in } }
                #expect(ids.map(node.host.pid) == pids)
                try await daemon.apps.create(app) { _ in }
                #expect(ids.map(node.host.pid) == pids)
            }
        }
    }

    @Test func processThatEndsAtOnceIsReportedWithItsLastLines() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { $0.exitsAtOnce["db"] = 3 }
            try await node.run { daemon in
                let logs = Mutex<[[String]]>([])
                let error = await #expect(throws: AppError.self) {
                    try await daemon.apps.create(app) { progress in
                        if progress.state == .failed { logs.withLock { $0.append(progress.log) } }
                    }
                }
                #expect(error?.message.contains("demo.db.0: its process ended at once, with status 3") == true)
                #expect(error?.message.contains("last words of demo.db.0") == true)
                #expect(logs.withLock { $0 } == [["last words of demo.db.0"]])
                #expect(node.host.running == ["demo.web.0", "demo.web.1"])
            }
        }
    }

    @Test func aFinishedJobIsNoFailureAndIsNotRepeated() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { $0.exitsAtOnce["job"] = 0 }
            try await node.run { daemon in
                try await daemon.apps.create(.sample("demo", [.sample("job", restart: .never)])) { _ in }
                #expect(await daemon.reconciler.statuses.values.map(\.state) == [.stopped])
            }
            // Not by the next start either.
            node.host.setFault(.none)
            try await node.run { daemon in
                try await daemon.reconciler.recover()
                #expect(node.host.state.withLock { !$0.log.contains("createTask") })
            }
        }
    }

    /// Records of its app, changes of the app's rest and another subnet do not start it.
    @Test func aFinishedJobStaysStoppedUntilItIsRequested() async throws {
        try await FakeNode.with { node in
            node.host.state.withLock { $0.exitsAtOnce["job"] = 0 }
            try await node.run { daemon in
                let app = App.sample("demo", [.sample("job", restart: .never), .sample("web", replicas: 2)])
                try await daemon.apps.create(app) { _ in }
                let first = node.host.pid("demo.job.0")
                #expect(await daemon.reconciler.reconcile("demo", .noticed, { _ in }).isEmpty)
                try await daemon.apps.scale("demo.web", to: 3) { _ in }
                try await daemon.apps.delete("demo.web.1") { _ in }
                try await daemon.reconciler.readdress()
                try await eventually("the others have other addresses") {
                    let states = await daemon.reconciler.statuses
                    let journal = try await node.stored().filter { $0.hasPrefix("journal") }
                    return journal.isEmpty && states.values.filter { $0.state == .running }.count == 2 ? true : nil
                }
                #expect(node.host.pid("demo.job.0") == first)
                #expect(await daemon.reconciler.statuses[try #require(ContainerID("demo.job.0"))]?.state == .stopped)
                try await daemon.apps.restart("demo.job") { _ in }
                #expect(node.host.pid("demo.job.0") != first)
            }
        }
    }

    /// A reconcile during a slot's back-off does not shorten it.
    @Test func reconcilesDoNotShortenTheBackOff() async throws {
        let slow = RestartPolicy(delay: .seconds(3600), maxDelay: .seconds(3600))
        try await FakeNode.with { node in
            node.host.state.withLock { $0.exitsAtOnce["job"] = 3 }
            try await node.run { daemon in
                let app = App.sample("demo", [.sample("job", restart: slow), .sample("web")])
                #expect(await failure { try await daemon.apps.create(app) { _ in } } != nil)
                let first = node.host.pid("demo.job.0")
                #expect(await daemon.reconciler.reconcile("demo", .noticed, { _ in }).isEmpty)
                try await daemon.apps.scale("demo.web", to: 2) { _ in }
                await daemon.reconciler.reconcile(try await node.host.containers())
                #expect(node.host.pid("demo.job.0") == first)
                let status = await daemon.reconciler.statuses[try #require(ContainerID("demo.job.0"))]
                #expect(status?.state == .restarting && status?.reason == "it ended with status 3")
                // A requested start does not wait.
                #expect(await failure { try await daemon.apps.restart("demo.job") { _ in } } != nil)
                #expect(node.host.pid("demo.job.0") != first)
            }
        }
    }

    @Test func anUnresponsiveContainerdIsAProblemUntilItResponds() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.reconciler.recover()
                node.host.setFault(.crash(0))
                daemon.signals.yield(.resynchronize)
                let problem = try await eventually("it is reported") { await daemon.reconciler.problem }
                #expect(problem == "cannot list the containers: crashed at containers")
                node.host.setFault(.none)
                daemon.signals.yield(.resynchronize)
                try await eventually("it has ended") { await daemon.reconciler.problem == nil ? true : nil }
            }
        }
    }

    /// A create does not report success while the replica of the previous form runs.
    @Test func aReplicaToBeRecreatedDoesNotCountAsRunning() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                var changed = app
                changed.services[0].process.env = ["A=1"]
                let before = try #require(daemon.reconciler.book.current.apps["demo"])
                var desired = before
                desired.app = changed
                // As a command does: otherwise the reconciler would bring the record about by itself.
                try await daemon.reconciler.holding("demo") { [desired] in
                    _ = try await daemon.reconciler.commit("demo", desired)
                    let states = await daemon.reconciler.statuses.mapValues(\.state)
                    #expect(
                        states.filter { $0.value == .waiting }.keys.map(\.description).sorted() == [
                            "demo.web.0", "demo.web.1",
                        ]
                    )
                    #expect(await daemon.reconciler.reconcile("demo", .noticed, { _ in }).isEmpty)
                    #expect(await daemon.reconciler.statuses.values.allSatisfy { $0.state == .running })
                }
            }
        }
    }

    @Test func aRestartThatCannotStopTheProcessIsRetried() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                node.host.setFault(.before(0))
                let error = await #expect(throws: AppError.self) {
                    try await daemon.apps.restart("demo.db") { _ in }
                }
                #expect(error?.message.contains("fault before stop") == true)
                node.host.setFault(.none)
                try await eventually("it is seen to run") {
                    await daemon.reconciler.reconcile(try await node.host.containers())
                    return await daemon.reconciler.statuses.values.allSatisfy { $0.state == .running } ? true : nil
                }
                #expect(daemon.records.lookup("demo.db.0.stellar").count == 2)
            }
        }
    }

    /// The feed of the store may give a command's own record to the book before the command does.
    @Test func aRecordThatArrivedBeforeItsCommandIsApplied() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                // No app file may have this value, so the record cannot be decoded.
                let policy = RestartPolicy(delay: .milliseconds(1), maxDelay: .milliseconds(1))
                var desired = DesiredApp(
                    app: .sample("demo", [.sample("web", restart: policy)]),
                    assignment: Assignment(),
                    createdAt: 1
                )
                let id = ContainerID(app: "demo", service: "web", replica: 0)
                desired.assignment[id] = FakeNode.id
                let written = try await daemon.store.write([StoreChange(StoreBucket.apps, "demo", desired.encoded)])
                let entry = try #require(written.first)
                daemon.reconciler.book.apply(entry)
                await daemon.reconciler.apply("demo")
                #expect(await daemon.reconciler.slots.isEmpty)
                daemon.reconciler.book.apply(desired, writtenAs: entry)
                await daemon.reconciler.apply("demo")
                #expect(await daemon.reconciler.slots.map(\.id) == [id])
            }
        }
    }

    @Test func endedProcessIsStartedAgainInTheSameContainer() async throws {
        try await FakeNode.with { node in
            let policy = RestartPolicy(delay: .milliseconds(1), maxDelay: .milliseconds(1))
            try await node.run { daemon in
                try await daemon.apps.create(.sample("demo", [.sample("web", restart: policy)])) { _ in }
                let first = node.host.pid("demo.web.0")
                node.host.exit("demo.web.0", 1)
                daemon.signals.yield(.exited(id: "demo.web.0", status: 1))
                try await eventually("it runs again") {
                    node.host.running == ["demo.web.0"] && node.host.pid("demo.web.0") != first ? true : nil
                }
            }
        }
    }

    @Test func aRestartOfTheDaemonDisturbsNothing() async throws {
        try await FakeNode.with { node in
            try await node.run { _ = try await $0.apps.create(app) { _ in } }
            let pids = ids.map(node.host.pid)
            node.host.setFault(.none)
            try await node.run { daemon in
                try await daemon.reconciler.recover()
                try await eventually("all are adopted") {
                    await daemon.reconciler.statuses.values.allSatisfy { $0.state == .running } ? true : nil
                }
                #expect(daemon.records.lookup("demo.db.0.stellar").count == 2)
            }
            #expect(ids.map(node.host.pid) == pids)
            #expect(node.host.state.withLock { $0.stopped.isEmpty })
        }
    }

    @Test func rebootBringsEverythingBack() async throws {
        try await FakeNode.with { node in
            try await node.run { _ = try await $0.apps.create(app) { _ in } }
            node.host.state.withLock { state in
                (state.namespaces, state.attached) = ([], [])
                for id in state.containers.keys {
                    state.containers[id]?.pid = nil
                    state.containers[id]?.isRunning = false
                }
            }
            try await node.run { daemon in
                try await daemon.reconciler.recover()
                try await eventually("all run") { node.host.running == ids ? true : nil }
            }
            #expect(node.host.state.withLock { $0.attached.sorted() } == ids)
        }
    }

    @Test(arguments: [
        ("demo.web", ["demo.db.0", "demo.web2.0"]), ("demo.web.1", ["demo.db.0", "demo.web.0", "demo.web2.0"]),
    ])
    func deleteRemovesExactlyTheNamedReplicas(_ name: String, _ left: [String]) async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                var wide = app
                wide.services.append(.sample("web2"))
                try await daemon.apps.create(wide) { _ in }
                try await daemon.apps.delete(name) { _ in }
                #expect(node.host.running == left)
            }
        }
    }

    @Test(arguments: ["nope", "demo.nope", "demo.web.7", "demo.we", "", "demo.web.0.1"])
    func unknownNamesAreNotFound(_ name: String) async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                let delete = await #expect(throws: AppError.self) { try await daemon.apps.delete(name) { _ in } }
                let restart = await #expect(throws: AppError.self) { try await daemon.apps.restart(name) { _ in } }
                #expect(delete?.code == .notFound && restart?.code == .notFound)
                #expect(node.host.running == ids)
            }
        }
    }

    @Test func restartStartsANewProcess() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                let before = ids.map(node.host.pid)
                try await daemon.apps.restart("demo.web") { _ in }
                #expect(node.host.pid("demo.db.0") == before[0])
                #expect(node.host.pid("demo.web.0") != before[1])
                #expect(node.host.running == ids)
            }
        }
    }

    @Test func concurrentCreatesOfOneAppAreEachAtomic() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                try await withThrowingTaskGroup { group in
                    for replicas in 1...5 {
                        group.addTask {
                            try await daemon.apps.create(.sample("demo", [.sample("web", replicas: replicas)])) {
                                _ in
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let count = try #require(daemon.reconciler.book.current.apps["demo"]?.app.services[0].replicas)
                #expect(node.host.running == (0..<count).map { "demo.web.\($0)" })
            }
        }
    }

    @Test func deleteEndsAPullThatNeverEnds() async throws {
        let big = App.sample("demo", [.sample("web", image: "big")])
        let (gate, continuation) = AsyncStream.makeStream(of: Void.self)
        try await FakeNode.with(FakeHost(gate: gate)) { node in
            try await node.run { daemon in
                async let created = failure { try await daemon.apps.create(big) { _ in } }
                try await eventually("the create waits for its images") {
                    daemon.apps.pulls.isRunning("demo") ? true : nil
                }
                try await daemon.apps.delete("demo") { _ in }
                let error = await created as? AppError
                #expect(error?.code == .aborted)
                let stored = try await node.stored()
                #expect(stored.isEmpty)
            }
        }
        continuation.finish()
    }

    @Test func noReconcileTouchesTheAppDuringAPull() async throws {
        let app = App.sample("demo", [.sample("web"), .sample("job", image: "nope")])
        let (gate, continuation) = AsyncStream.makeStream(of: Void.self)
        let host = FakeHost(gate: gate)
        host.state.withLock { _ = $0.missingImages.insert("nope") }
        try await FakeNode.with(host) { node in
            try await node.run { daemon in
                try await daemon.reconciler.recover()
                async let created = failure { try await daemon.apps.create(app) { _ in } }
                try await eventually("the create waits for its images") {
                    daemon.apps.pulls.isRunning("demo") ? true : nil
                }
                // The web service could run, but the app may still fail.
                await daemon.reconciler.reconcile([])
                #expect(await daemon.reconciler.statuses.isEmpty)
                #expect(try await node.stored().isEmpty)
                continuation.finish()
                #expect(await created is AppError)
                #expect(node.host.things.isEmpty)
                #expect(try await node.stored().isEmpty)
            }
        }
    }

    @Test func aPlacementThatMatchesNoNodeIsRefused() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                var service = Service.sample("web")
                service.node = "elsewhere"
                let pinned = service
                let error = await #expect(throws: AppError.self) {
                    try await daemon.apps.create(.sample("demo", [pinned])) { _ in }
                }
                #expect(error?.code == .failedPrecondition)
                #expect(error?.message.contains("elsewhere") == true)
                let stored = try await node.stored()
                #expect(stored.isEmpty)
            }
        }
    }

    // MARK: Addresses

    @Test func aServiceWithoutTheNetworkHasNoAddressOfItsEarlierForm() async throws {
        try await FakeNode.with { node in
            try await node.run { daemon in
                var service = Service.sample("web")
                try await daemon.apps.create(.sample("demo", [service])) { _ in }
                #expect(await daemon.addresses.ids(node: FakeNode.id) == ["demo.web.0"])
                service.network = false
                try await daemon.apps.create(.sample("demo", [service])) { _ in }
                #expect(node.host.running == ["demo.web.0"])
                #expect(await daemon.addresses.ids(node: FakeNode.id).isEmpty)
            }
        }
    }

    /// An older disk can know an address of an earlier form, while the container already has the newer one.
    @Test func anAdoptedContainerWithoutTheNetworkHasNoAddress() async throws {
        try await FakeNode.with { node in
            var service = Service.sample("web")
            service.network = false
            let app = App.sample("demo", [service])
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                _ = try await daemon.addresses.allocate(["demo.web.0"], node: FakeNode.id)
            }
            let pid = node.host.pid("demo.web.0")
            try await node.run { daemon in
                try await daemon.apps.create(app) { _ in }
                #expect(await daemon.addresses.ids(node: FakeNode.id).isEmpty)
            }
            #expect(node.host.pid("demo.web.0") == pid && pid != nil)
        }
    }
}
