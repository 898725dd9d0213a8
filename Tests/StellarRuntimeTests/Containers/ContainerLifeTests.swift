import FoundationEssentials
import Glibc
import Logging
import StellarCore
import StellarRPC
import StellarRuntime
import StellarTestKit
import Testing

/// Containers from create to delete, on a real containerd.
@Suite(.requires(.root, .containerd, .busybox), .serialized, .timeLimit(.minutes(10)))
struct ContainerLifeTests {
    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runc.v1", "io.containerd.runtime.v1.linux"])
    func containersRunFromCreateToDelete(runtimeName: String) async throws {
        try await Workshop.with { shop in
            let id = "demo.web.0"
            let script = "trap 'echo bye; exit 3' TERM; echo out; echo err >&2; while :; do sleep 0.05; done"
            try await shop.runtime.create(shop.specification(id, script) { $0.runtime = runtimeName })

            let made = try #require(try await shop.runtime.container(id))
            let used = try await shop.isLoaded(runtimeName) ? runtimeName : "io.containerd.runc.v2"
            #expect(made.runtime == used)
            #expect(made.task == nil)
            #expect(made.labels["stellar.io/application"] == "demo")
            #expect(made.extensions["stellar.io/extensions/Service"]?.value == [10, 1, 97])
            #expect(made.specification.typeURL == "types.containerd.io/opencontainers/runtime-spec/1/Spec")

            let pid = try await shop.runtime.start(id, log: shop.log(id))
            try await eventually("output") { shop.output(id).split(separator: "\n").count == 2 ? true : nil }
            let running = try #require(try await shop.runtime.containers(filters: []).first)
            #expect(running.task == ContainerInfo.Task(pid: pid, status: .running))
            #expect(try await shop.containerd.ctr("tasks", "ls").contains("\(id)    \(pid)"))
            #expect(try await shop.containerd.ctr("containers", "info", id).contains(used))
            #expect(FileManager.default.fileExists(atPath: "/proc/\(pid)"))

            let status = try #require(try await shop.runtime.stop(id, grace: .seconds(120)))
            #expect(status.code == 3)
            #expect(shop.output(id).hasSuffix("bye\n"))
            #expect(try await shop.runtime.container(id)?.task == nil)

            // A restart of the same container; its log continues.
            try await shop.runtime.start(id, log: shop.log(id))
            try await eventually("output") { shop.output(id).split(separator: "\n").count == 5 ? true : nil }
            try await shop.runtime.delete(id)
            #expect(try await shop.runtime.container(id) == nil)
            try await expectNothing(in: shop)
            try await shop.runtime.delete(id)
        }
    }

    @Test func processesThatIgnoreTheSignalAreKilled() async throws {
        try await Workshop.with { shop in
            // A process 1 without a handler ignores SIGTERM.
            try await shop.runtime.create(shop.specification("deaf", "echo up; sleep 1000; true"))
            try await shop.runtime.start("deaf", log: shop.log("deaf"))
            try await eventually("output") { shop.output("deaf").isEmpty ? nil : true }
            let status = try #require(try await shop.runtime.stop("deaf", grace: .milliseconds(200)))
            #expect(status.code == 137)
            #expect(status.signal == SIGKILL)
            #expect(try await shop.runtime.stop("deaf", grace: .zero) == nil)
        }
    }

    @Test func theImagesStopSignalIsSent() async throws {
        try await Workshop.with {
            $0.stopSignal = "SIGUSR1"
        } _: { shop in
            let script = "trap 'exit 42' USR1; trap 'exit 1' TERM; echo up; while :; do sleep 0.05; done"
            try await shop.runtime.create(shop.specification("usr", script))
            try await shop.runtime.start("usr", log: shop.log("usr"))
            try await eventually("output") { shop.output("usr").isEmpty ? nil : true }
            #expect(try await shop.runtime.stop("usr", grace: .seconds(120))?.code == 42)
        }
    }

    @Test func everyStepMayBeRepeated() async throws {
        try await Workshop.with { shop in
            let id = "demo.web.0"
            let specification = shop.specification(id, "echo up; sleep 1000")
            try await shop.runtime.create(specification)
            try await shop.runtime.create(specification)
            let pid = try await shop.runtime.createTask(id, log: shop.log(id))
            #expect(try await shop.runtime.createTask(id, log: shop.log(id)) == pid)
            try await shop.runtime.startTask(id)
            try await shop.runtime.startTask(id)
            #expect(try await shop.runtime.start(id, log: shop.log(id)) == pid)
            // A created task that never runs does not prevent a delete.
            try await shop.runtime.create(shop.specification("second", "true"))
            try await shop.runtime.createTask("second", log: shop.log("second"))
            #expect(try await shop.runtime.container("second")?.task?.status == .created)
            for id in [id, "second", id, "never.was.0"] { try await shop.runtime.delete(id) }
            try await expectNothing(in: shop)
        }
    }

    @Test func aCrashBetweenSnapshotAndRecordIsRepaired() async throws {
        try await Workshop.with { shop in
            let id = "demo.web.0"
            try await shop.runtime.create(shop.specification(id, "true"))
            try await shop.containerd.ctr("containers", "rm", "--keep-snapshot", id)
            #expect(try await shop.runtime.owned().snapshots.map(\.container) == [id])
            // Repeating completes it, with the existing snapshot.
            try await shop.runtime.create(shop.specification(id, "true"))
            try await shop.containerd.ctr("containers", "rm", "--keep-snapshot", id)
            // Deleting undoes it.
            try await shop.runtime.delete(id)
            try await expectNothing(in: shop)
            // A sweep removes containers that are not to be kept.
            for id in ["a.a.0", "b.b.0", "c.c.0"] { try await shop.runtime.create(shop.specification(id, "sleep 99")) }
            try await shop.runtime.start("b.b.0", log: shop.log("b"))
            try await shop.containerd.ctr("containers", "rm", "--keep-snapshot", "c.c.0")
            let removed = try await shop.runtime.sweep(keeping: ["a.a.0"])
            #expect(removed == ["container b.b.0", "snapshot c.c.0 of overlayfs"])
            #expect(try await shop.runtime.containers().map(\.id) == ["a.a.0"])
        }
    }

    @Test func containersOfOthersStay() async throws {
        try await Workshop.with { shop in
            try await shop.containerd.ctr("containers", "create", shop.image, "demo.web.0")
            let error = await #expect(throws: RPCError.self) {
                try await shop.runtime.create(shop.specification("demo.web.0", "true"))
            }
            #expect(error?.code == .alreadyExists)
            #expect(error?.message.contains("is not Stellar's") == true)
            #expect(try await shop.runtime.sweep(keeping: []).filter { $0.hasPrefix("container") } == [])
            #expect(try await shop.containerd.ctr("containers", "ls", "-q") == "demo.web.0\n")
        }
    }

    @Test func concurrentCreatesAndDeletesSucceed() async throws {
        try await Workshop.with { shop in
            // The same id twice, and several other ids.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ["x.a.0", "x.a.0", "x.b.0", "x.c.0"] {
                    group.addTask {
                        try await shop.runtime.create(shop.specification(id, "echo up; sleep 1000"))
                    }
                }
                try await group.waitForAll()
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ["x.a.0", "x.b.0", "x.c.0"] {
                    group.addTask { try await shop.runtime.start(id, log: shop.log(id)) }
                }
                try await group.waitForAll()
            }
            #expect(try await shop.runtime.containers().map(\.task?.status) == [.running, .running, .running])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ["x.a.0", "x.a.0", "x.b.0", "x.c.0"] { group.addTask { try await shop.runtime.delete(id) } }
                try await group.waitForAll()
            }
            try await expectNothing(in: shop)
        }
    }

    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runtime.v1.linux"])
    func containersOutliveContainerd(runtimeName: String) async throws {
        try await Workshop.with { shop in
            let id = "demo.web.0"
            let script = "trap 'exit 5' TERM; while :; do echo tick; sleep 0.1; done"
            try await shop.runtime.create(shop.specification(id, script) { $0.runtime = runtimeName })
            let pid = try await shop.runtime.start(id, log: shop.log(id))
            async let ended = shop.runtime.wait(id)
            try await eventually("output") { shop.output(id).isEmpty ? nil : true }
            await shop.containerd.stop(crash: true)

            let error = await #expect(throws: RPCError.self) { try await shop.runtime.version() }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains(shop.containerd.address) == true)

            let before = shop.output(id).count
            try await eventually("output goes on") { shop.output(id).count > before ? true : nil }
            try await shop.containerd.start()
            try await eventually("containerd lists the task again") {
                try await shop.runtime.container(id)?.task?.pid == pid ? true : nil
            }
            #expect(try await shop.runtime.stop(id, grace: .seconds(120))?.code == 5)
            #expect(try await ended?.code ?? 5 == 5)
            try await shop.runtime.delete(id)
            try await expectNothing(in: shop)
        }
    }

    /// Standard output ends first; later output on standard error must not be lost.
    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runc.v1", "io.containerd.runtime.v1.linux"])
    func lastOutputIsInTheLog(runtimeName: String) async throws {
        try await Workshop.with { shop in
            for number in 0..<5 {
                let result = try await shop.run(
                    "last.words.\(number)",
                    "echo out; exec >&-; sleep 0.1; echo err >&2; exit 9"
                ) {
                    $0.runtime = runtimeName
                }
                #expect(result.code == 9)
                #expect(result.output == "out\nerr\n")
            }
        }
    }

    @Test func aMissingProgramLeavesNoTask() async throws {
        try await Workshop.with { shop in
            let id = "demo.web.0"
            try await shop.runtime.create(shop.specification(id, "") { $0.process.args = ["/no/such/program"] })
            let error = await #expect(throws: RPCError.self) {
                try await shop.runtime.start(id, log: shop.log(id))
            }
            #expect(error?.message.contains("/no/such/program") == true)
            #expect(try await shop.runtime.container(id)?.task == nil)
            try await shop.runtime.delete(id)
            try await expectNothing(in: shop)
        }
    }

    @Test func errorsNameTheMissingObject() async throws {
        try await Workshop.with { shop in
            var wrong = shop.specification("a.b.0", "true")
            wrong.image = "localhost/no/such:image"
            await expect(.notFound, "localhost/no/such:image") { try await shop.runtime.create(wrong) }
            let native = shop.specification("a.b.0", "true") { $0.snapshotter = "native" }
            await expect(.failedPrecondition, "native") { try await shop.runtime.create(native) }
            #expect(try await shop.runtime.container("a.b.0") == nil)
            let unknown = shop.specification("a.b.0", "true") { $0.snapshotter = "floppy" }
            await expect(.invalidArgument, "floppy") { try await shop.runtime.create(unknown) }
            let nobody = shop.specification("a.b.0", "true") { $0.process.user = "ghost" }
            await expect(.failedPrecondition, "ghost") { try await shop.runtime.create(nobody) }
            try await expectNothing(in: shop)
            await expect(.notFound, "a.b.0") { try await shop.runtime.start("a.b.0", log: shop.log("x")) }
            try await shop.runtime.delete("a.b.0")
            try await expectNothing(in: shop)
        }
        let nowhere = ContainerRuntime(address: "/run/no/such.sock", namespace: "x", logger: .init(label: "x"))
        await expect(.unavailable, "containerd is not running at /run/no/such.sock") { try await nowhere.version() }
        await nowhere.close()
    }

    private func expect(
        _ code: RPCCode,
        _ text: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> some Any
    ) async {
        let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) { _ = try await body() }
        #expect(error?.code == code, sourceLocation: sourceLocation)
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
    }

    private func expectNothing(in shop: Workshop, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let owned = try await shop.runtime.owned()
        #expect(owned.containers.isEmpty, sourceLocation: sourceLocation)
        #expect(owned.snapshots.isEmpty, sourceLocation: sourceLocation)
        #expect(try await shop.containerd.ctr("tasks", "ls", "-q").isEmpty, sourceLocation: sourceLocation)
    }
}
