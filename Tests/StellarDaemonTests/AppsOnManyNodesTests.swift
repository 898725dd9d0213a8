import StellarAPI
import StellarCore
import StellarRPC
import StellarStore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarDaemon

@Suite(.timeLimit(.minutes(10)))
struct AppsOnManyNodesTests {
    /// The full reference, as in every app from a file.
    static let image = "docker.io/library/img:latest"
    let app = App.sample("demo", [.sample("web", image: Self.image, replicas: 3)])
    let spread = ["n1": ["demo.web.0"], "n2": ["demo.web.1"], "n3": ["demo.web.2"]]

    @Test func createRunsOnAllNodesAndEveryNodeListsTheReplicas() async throws {
        try await FakeNodes.with { nodes in
            let log = ProgressLog()
            try await nodes["n1"].apps.create(app, log.report)
            #expect(nodes.running == spread)
            #expect(log.last == ["demo.web.0": .running, "demo.web.1": .running, "demo.web.2": .running])
            #expect(Set(log.all.map(\.node)) == ["n1", "n2", "n3"])
            // The node that took the command knows the replicas of other nodes at once.
            let seen = try await nodes["n1"].view.applications().first?.services.map(\.status.state)
            #expect(seen == ["running", "running", "running"])
            // Any node takes the next one.
            try await nodes["n3"].apps.delete("demo") { _ in }
            #expect(nodes.running.isEmpty)
            for name in ["n1", "n2", "n3"] { #expect(try nodes[name].host.things.isEmpty) }
        }
    }

    /// No exchange happens between the commands: the write of one is still in flight at the next.
    @Test func aCommandBuildsOnThePreviousOneOfAnyNode() async throws {
        try await FakeNodes.with { nodes in
            var app = App.sample("demo", [.sample("web", image: Self.image)])
            try await nodes["n1"].apps.create(app) { _ in }
            #expect(nodes.running == ["n1": ["demo.web.0"]])
            // A node that has not received the app.
            try await nodes["n3"].apps.restart("demo.web.0") { _ in }
            try await nodes["n2"].apps.scale("demo", to: 3) { _ in }
            #expect(nodes.running == spread)
            try await nodes["n3"].apps.delete("demo.web.2") { _ in }
            try await nodes["n3"].apps.delete("demo.web.1") { _ in }
            // A node that has an earlier form of it: the change is not undone.
            app.services[0].process.args = ["run", "faster"]
            try await nodes["n1"].apps.create(app) { _ in }
            var plan = ApplicationPlanRequest()
            plan.scale.name = "demo"
            plan.scale.replicas = 2
            #expect(try await nodes["n2"].apps.plan(plan).map(\.action).contains("create"))
            try await nodes["n2"].apps.scale("demo", to: 2) { _ in }
            for name in ["n1", "n2"] {
                let desired = try #require(nodes[name].reconciler.book.current.apps["demo"])
                #expect(desired.app.services[0].process.args == ["run", "faster"])
                #expect(desired.app.services[0].replicas == 2)
            }
            // A node that has not received the delete.
            try await nodes["n1"].apps.delete("demo") { _ in }
            for name in ["n2", "n3"] {
                let error = await #expect(throws: AppError.self) {
                    try await nodes[name].apps.scale("demo", to: 2) { _ in }
                }
                #expect(error?.code == .notFound)
            }
            #expect(nodes.running.isEmpty)
        }
    }

    /// The node with the app is down, detected or not: the command does not wait for it.
    @Test(arguments: [false, true])
    func anAppThatOnlyADeadNodeKnowsIsNotFound(_ isSeen: Bool) async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(.sample("demo", [.sample("web", image: Self.image)])) { _ in }
            nodes.takeDown("n1", isSeen: isSeen)
            let error = await #expect(throws: AppError.self) {
                try await nodes["n3"].apps.scale("demo", to: 2) { _ in }
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func theSameCreateOnAnotherNodeTouchesNothing() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            let pids = try ["n1", "n2", "n3"].map { try nodes[$0].host.state.withLock { $0.lastPID } }
            try await nodes.exchange("n1", "n2")
            try await nodes["n2"].apps.create(app) { _ in }
            #expect(nodes.running == spread)
            #expect(try ["n1", "n2", "n3"].map { try nodes[$0].host.state.withLock { $0.lastPID } } == pids)
        }
    }

    @Test func scaleMovesNothingAndRemovesTheLastReplicas() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            try await nodes["n1"].apps.scale("demo.web", to: 5) { _ in }
            #expect(nodes.running.values.flatMap { $0 }.count == 5)
            for (node, slots) in spread { #expect(nodes.running[node]?.starts(with: slots) == true) }
            try await nodes["n2"].apps.scale("demo", to: 1) { _ in }
            #expect(nodes.running == ["n1": ["demo.web.0"]])
            for (name, code) in [
                ("demo.nope", ErrorCode.notFound), ("nope", .notFound), ("demo.web.0", .invalidArgument),
            ] {
                let error = await #expect(throws: AppError.self) {
                    try await nodes["n1"].apps.scale(name, to: 2) { _ in }
                }
                #expect(error?.code == code)
            }
            let none = await #expect(throws: AppError.self) {
                try await nodes["n1"].apps.scale("demo.web", to: 0) { _ in }
            }
            #expect(none?.code == .invalidArgument && none?.message.contains("delete demo.web") == true)
        }
    }

    /// An acknowledged command holds, also if its node had not received the previous command.
    @Test func aCommandOfANodeThatIsBehindHolds() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            nodes.takeDown("n2")
            try await nodes["n1"].apps.scale("demo", to: 2) { _ in }
            nodes.bringBack("n2")
            // Its own record has three replicas already.
            try await nodes["n2"].apps.scale("demo", to: 3) { _ in }
            for pair in [("n1", "n2"), ("n2", "n3"), ("n1", "n3")] { try await nodes.exchange(pair.0, pair.1) }
            try await eventually("three run") { nodes.running == spread ? true : nil }
        }
    }

    @Test func anImageThatOneNodeCannotPullChangesNothing() async throws {
        try await FakeNodes.with { nodes in
            try nodes["n2"].host.state.withLock { _ = $0.missingImages.insert("docker.io/library/new:latest") }
            let bad = App.sample("demo", [.sample("web", image: "docker.io/library/new:latest", replicas: 3)])
            let error = await #expect(throws: AppError.self) { try await nodes["n1"].apps.create(bad) { _ in } }
            #expect(error?.message == "demo.web.1: image docker.io/library/new:latest not found")
            #expect(nodes.running.isEmpty && !nodes.calls.contains { $0.hasPrefix("apply") })
            #expect(try nodes["n1"].store.entries(StoreBucket.apps).isEmpty)
        }
    }

    @Test func deadNodesGetNoReplicasAndAnUndetectedDeathDelaysNothing() async throws {
        try await FakeNodes.with { nodes in
            nodes.takeDown("n2")
            nodes.takeDown("n3", isSeen: false)
            try await nodes["n1"].apps.create(app) { _ in }
            #expect(nodes.running == ["n1": ["demo.web.0", "demo.web.1", "demo.web.2"]])
        }
    }

    @Test func aNodeWithoutContainerdGetsNoReplicas() async throws {
        for broken in ["n1", "n2"] {
            try await FakeNodes.with { nodes in
                try await nodes[broken].reconciler.recover()
                try nodes[broken].host.setFault(.crash(0))
                try await nodes["n1"].apps.create(app) { _ in }
                #expect(nodes.running[broken] == nil)
                #expect(nodes.running.values.flatMap { $0 }.sorted() == spread.values.flatMap { $0 }.sorted())
            }
        }
    }

    @Test func replicasOfADeadNodeStayThereAndAreReported() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            nodes.takeDown("n3")
            let log = ProgressLog()
            var changed = app
            changed.services[0].process.env = ["A=1"]
            try await nodes["n1"].apps.create(changed, log.report)
            #expect(log.last["demo.web.2"] == .waiting)
            #expect(
                log.words == ["demo.web.2: it waits for n3: n3 is dead (it answers no pings), last seen 2 minutes ago"]
            )
            let seen = try await nodes["n1"].view.application("demo").services.map(\.status)
            #expect(seen.map(\.state) == ["running", "running", "unknown"] && seen[2].nodeStatus == "dead")
            let why = try await nodes["n1"].view.why("demo.web.2")
            #expect(why.contains { $0.hasPrefix("demo.web.2 waits for its node: n3 is dead") }, "\(why)")

            // It receives the record when it is back, from any node.
            let before = try nodes["n3"].host.pid("demo.web.2")
            nodes.bringBack("n3")
            try await nodes.exchange("n2", "n3")
            try await eventually("it is recreated") { () -> Bool? in
                let pid = try nodes["n3"].host.pid("demo.web.2")
                return pid != nil && pid != before ? true : nil
            }
        }
    }

    @Test func deleteIsFinishedWhenADeadNodeReturns() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            nodes.takeDown("n2")
            let log = ProgressLog()
            try await nodes["n3"].apps.delete("demo", log.report)
            #expect(nodes.running == ["n2": ["demo.web.1"]])
            #expect(
                log.words.count == 1 && log.words[0].hasPrefix("demo.web.1: ") && log.words[0].contains("n2 is dead")
            )
            nodes.bringBack("n2")
            try await nodes.exchange("n3", "n2")
            try await eventually("it is removed") { try nodes["n2"].host.things.isEmpty ? true : nil }
        }
    }

    @Test(arguments: 0..<8)
    func concurrentCreatesOnTwoNodesConvergeToOne(seed: UInt64) async throws {
        try await FakeNodes.with { nodes in
            let apps = ["n1", "n2"].map { name in
                var service = Service.sample("web", image: Self.image, replicas: name == "n1" ? 3 : 2)
                service.process.env = ["BY=\(name)"]
                return App.sample("demo", [service])
            }
            // Some calls are delayed.
            let random = Mutex(SplitMix64(seed: seed))
            nodes.state.withLock {
                $0.tamper = { _, _ in
                    for _ in 0..<random.withLock({ Int.random(in: 0..<20, using: &$0) }) { await Task.yield() }
                }
            }
            async let one = failure { try await nodes["n1"].apps.create(apps[0]) { _ in } }
            async let two = failure { try await nodes["n2"].apps.create(apps[1]) { _ in } }
            let (first, second) = await (one, two)
            let outcomes = [first as? AppError, second as? AppError]
            for outcome in outcomes {
                #expect(outcome == nil || outcome?.code == .aborted, "\(String(describing: outcome))")
            }
            for pair in [("n1", "n2"), ("n2", "n3"), ("n1", "n3")] { try await nodes.exchange(pair.0, pair.1) }
            let record = try #require(try nodes["n3"].store.value(StoreBucket.apps, "demo"))
            let winner = try DesiredApp(encoded: record.value ?? [])
            #expect(outcomes[record.origin == "n1" ? 0 : 1] == nil)
            let wanted = Dictionary(grouping: winner.assignment.entries, by: \.node).mapValues {
                $0.map(\.slot.description)
            }
            try await eventually("all of the newer one runs") { () -> Bool? in
                guard nodes.running == wanted else { return nil }
                for name in ["n1", "n2", "n3"] {
                    let services = try nodes[name].host.state.withLock { $0.containers.values.map(\.service) }
                    guard services.allSatisfy({ $0.process.env == ["BY=\(record.origin)"] }) else { return nil }
                }
                return true
            }
        }
    }

    /// The node that took the command is cut off from each of its calls on: the others finish with only the record.
    @Test(arguments: 0..<4)
    func nodesFinishIfTheCoordinatorIsCutOffAtAnyCall(number: Int) async throws {
        try await FakeNodes.with { nodes in
            let count = Mutex(0)
            nodes.state.withLock {
                $0.tamper = { [weak nodes] _, _ in
                    let isLast = count.withLock { count in
                        defer { count += 1 }
                        return count == number
                    }
                    guard isLast else { return }
                    nodes?.takeDown("n2")
                    nodes?.takeDown("n3")
                    throw RPCError(.unavailable, "gone")
                }
            }
            _ = await failure { try await nodes["n1"].apps.create(app) { _ in } }
            for name in ["n2", "n3"] { nodes.bringBack(name) }
            nodes.state.withLock { $0.tamper = nil }
            for pair in [("n1", "n2"), ("n1", "n3")] { try await nodes.exchange(pair.0, pair.1) }
            try await eventually("all nodes match the record") { () -> Bool? in
                let record = try nodes["n2"].store.value(StoreBucket.apps, "demo")
                let wanted = try record.map { try DesiredApp(encoded: $0.value ?? []).assignment.entries } ?? []
                let expected = Dictionary(grouping: wanted, by: \.node).mapValues { $0.map(\.slot.description) }
                return nodes.running == expected ? true : nil
            }
        }
    }

    /// Each step on a node fails once: the error names the slot that does not run, and the same command completes it.
    @Test func aFailedStepIsReportedAndTheSameCreateFinishesIt() async throws {
        for number in 0..<12 {
            try await FakeNodes.with { nodes in
                try await nodes["n2"].reconciler.recover()
                try nodes["n2"].host.setFault(.before(number))
                let outcome = await failure { try await nodes["n1"].apps.create(app) { _ in } }
                try nodes["n2"].host.setFault(.none)
                if let outcome { #expect("\(outcome)".contains("demo.web.1"), "step \(number): \(outcome)") }
                try await nodes["n3"].apps.create(app) { _ in }
                let all = nodes.running.values.flatMap { $0 }.sorted()
                #expect(all == spread.values.flatMap { $0 }.sorted(), "step \(number)")
                // If it cannot even look up an image, other nodes take its share.
                #expect(nodes.running.count == (number == 0 ? 2 : 3), "step \(number)")
                try await nodes["n3"].apps.delete("demo") { _ in }
                for name in ["n1", "n2", "n3"] { #expect(try nodes[name].host.things.isEmpty, "step \(number)") }
            }
        }
    }

    @Test func imagesAreOnlyPlacedOnMatchingPlatforms() async throws {
        try await FakeNodes.with(["n1", "n2"]) { nodes in
            for (name, platform) in [("n1", "linux/amd64"), ("n2", "linux/arm64")] {
                let capacity = NodeCapacity(platform: platform, cpuMillis: 4000, memory: 8 << 30)
                try await nodes[name].reconciler.report(capacity)
            }
            try await nodes.exchange("n1", "n2")
            let image = "docker.io/library/arm:latest"
            try nodes["n1"].host.state.withLock { _ = $0.missingImages.insert(image) }
            try await nodes["n1"].apps.create(.sample("demo", [.sample("web", image: image, replicas: 2)])) { _ in }
            #expect(nodes.running == ["n2": ["demo.web.0", "demo.web.1"]])
        }
    }

    @Test func whyListsTheWriterAndEachNodesState() async throws {
        try await FakeNodes.with(["n1", "n2"]) { nodes in
            try nodes["n2"].host.state.withLock { $0.exitsAtOnce["job"] = 3 }
            let slow = RestartPolicy(delay: .seconds(3600), maxDelay: .seconds(3600))
            var two = App.sample("demo", [.sample("web"), .sample("job", restart: slow)])
            two.services[1].node = "n2"
            _ = await failure { try await nodes["n1"].apps.create(two) { _ in } }
            let here = try await nodes["n1"].view.why("demo")
            #expect(here[0] == "demo: 1 of 2 containers runs.", "\(here)")
            #expect(here[1].hasPrefix("n1 ") && here[1].contains("(create) at 20"), "\(here)")
            #expect(here.contains { $0.hasPrefix("demo.web.0 on n1 runs since 20") && $0.contains(", at 172.16.0.9") })
            #expect(
                here.contains { $0.hasPrefix("demo.job.0 on n2 ") && $0.hasSuffix(": it ended with status 3.") },
                "\(here)"
            )
            let there = try await nodes["n2"].view.why("demo.job")
            #expect(there.contains { $0.hasPrefix("n2 ") && $0.contains("received the record at 20") }, "\(there)")
            try await nodes["n1"].apps.delete("demo") { _ in }
            #expect(try await nodes["n2"].view.why("demo")[0].hasPrefix("n1 deleted demo at 20"))
            await #expect(throws: AppError.self) { try await nodes["n1"].view.why("nobody") }
        }
    }

    @Test func restartReachesAllReachableNodes() async throws {
        try await FakeNodes.with { nodes in
            try await nodes["n1"].apps.create(app) { _ in }
            nodes.takeDown("n2")
            let before = try ["n1", "n3"].map { try nodes[$0].host.state.withLock { $0.lastPID } }
            let log = ProgressLog()
            try await nodes["n1"].apps.restart("demo.web", log.report)
            #expect(try zip(["n1", "n3"], before).allSatisfy { try nodes[$0].host.state.withLock { $0.lastPID } > $1 })
            #expect(
                log.words == ["demo.web.1: not restarted: n2 is dead (it answers no pings), last seen 2 minutes ago"]
            )
        }
    }

    @Test func dryRunsListTheActions() async throws {
        try await FakeNodes.with { nodes in
            func plan(_ request: (inout ApplicationPlanRequest) -> Void) async throws -> [String] {
                var message = ApplicationPlanRequest()
                request(&message)
                return try await nodes["n1"].apps.plan(message).map { "\($0.slot) \($0.node) \($0.action)" }
            }
            let full = App.sample("demo", [.sample("web", image: Self.image, replicas: 3)])
            let create = try await plan { $0.create = ApplicationCreateRequest(full) }
            #expect(create == ["demo.web.0 n1 create", "demo.web.1 n2 create", "demo.web.2 n3 create"])
            #expect(nodes.running.isEmpty && nodes.calls.isEmpty)
            try await nodes["n1"].apps.create(full) { _ in }
            var changed = full
            changed.services[0].process.env = ["A=1"]
            #expect(
                try await plan { $0.create = ApplicationCreateRequest(changed) }.allSatisfy { $0.hasSuffix("replace") }
            )
            let scale = try await plan {
                $0.scale.name = "demo"
                $0.scale.replicas = 2
            }
            #expect(scale == ["demo.web.0 n1 keep", "demo.web.1 n2 keep", "demo.web.2 n3 remove"])
            #expect(
                try await plan { $0.delete.name = "demo.web.1" } == [
                    "demo.web.0 n1 keep", "demo.web.1 n2 remove", "demo.web.2 n3 keep",
                ]
            )
        }
    }

    @Test func namesOfOtherNodesResolveUnlessTheNodesAreDead() async throws {
        try await FakeNodes.with(["n1", "n2"]) { nodes in
            var pinned = app
            pinned.services[0].node = "n2"
            pinned.services[0].replicas = 1
            try await nodes["n1"].apps.create(pinned) { _ in }
            let first = try nodes["n1"]
            let gossip = FakeGossip([
                ClusterMember(name: "n1", address: "", isSelf: true), ClusterMember(name: "n2", address: ""),
            ])
            let names = RemoteNames(own: "n1", store: first.store, records: first.records, gossip: gossip)
            names.readAll()
            #expect(first.records.lookup("demo.web.stellar").map(\.type) == [.a])
            #expect(first.records.lookup("demo.web.0.stellar").last?.value.hasPrefix("node=n2") == true)
            let members = [
                ClusterMember(name: "n2", address: "", state: .dead),
                ClusterMember(name: "n3", address: "", state: .left),
                ClusterMember(name: "n4", address: "", state: .left, lastSeen: .seconds(300)),
            ]
            #expect(RemoteNames.away(members) == ["n2", "n4"])
            first.records.setAway(["n2"])
            #expect(first.records.lookup("demo.web.stellar").isEmpty)
            first.records.setAway([])
            #expect(!first.records.lookup("demo.web.stellar").isEmpty)
        }
    }
}
