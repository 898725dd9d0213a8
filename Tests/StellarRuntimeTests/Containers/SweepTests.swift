import FoundationEssentials
import Glibc
import Logging
import StellarCore
import StellarRuntime
import StellarSystem
import StellarTestKit
import Synchronization
import Testing

/// Objects that a crash, or a user of `ctr`, leaves in the namespace, on a real containerd.
@Suite(.requires(.root, .containerd, .busybox), .serialized, .timeLimit(.minutes(5)))
struct SweepTests {
    @Test(arguments: ["io.containerd.runc.v2", "io.containerd.runtime.v1.linux"])
    func tasksWithoutAContainerAreRemoved(runtimeName: String) async throws {
        try await Workshop.with { shop in
            for (id, keepsSnapshot) in [("a.marked.0", true), ("b.bundle.0", false), ("c.kept.0", true)] {
                try await shop.runtime.create(shop.specification(id, "exec sleep 1000") { $0.runtime = runtimeName })
                try await shop.runtime.start(id, log: shop.log(id))
                guard id != "c.kept.0" else { continue }
                // `ctr` refuses this for a container that runs; its API does not.
                try await shop.deleteRecord(id)
                if !keepsSnapshot { try await shop.containerd.ctr("snapshots", "rm", id) }
            }
            #expect(try await shop.containerd.ctr("tasks", "ls", "-q").split(separator: "\n").count == 3)
            let removed = try await shop.runtime.sweep(keeping: ["c.kept.0"])
            #expect(removed.contains("task a.marked.0 without a container"))
            #expect(removed.contains("task b.bundle.0 without a container"))
            #expect(try await shop.containerd.ctr("tasks", "ls", "-q") == "c.kept.0\n")
            #expect(try await shop.runtime.owned().snapshots.map(\.container) == ["c.kept.0"])
            #expect(try await shop.runtime.sweep(keeping: ["c.kept.0"]) == [])
            #expect(try await shop.runtime.sweep(keeping: []) == ["container c.kept.0"])
        }
    }

    /// Two programs with a shim's command line, as a crash of containerd leaves them.
    @Test func anOrphanedShimIsEnded() async throws {
        try await Workshop.with { shop in
            let arguments = ["-namespace", shop.containerd.namespace, "-address", shop.containerd.address, "-id"]
            let bundle = "\(shop.folder)/bundle"
            try FileManager.default.createDirectory(atPath: bundle, withIntermediateDirectories: true)
            func shim(_ id: String, annotation: String) throws -> BackgroundProcess {
                let specification = #"{"ociVersion":"1.0.2","annotations":{"stellar.io/container":"\#(annotation)"}}"#
                let folder = "\(bundle)/\(id)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try TemporaryDirectory.write(specification.utf8, to: "\(folder)/config.json")
                let script = #"cd "$1"; shift; exec -a containerd-shim-runc-v2 sh -c 'read line' "$@""#
                let held = "exec 9<> \(folder)/fifo; exec 0<&9; " + script
                try #require(mkfifo("\(folder)/fifo", 0o600) == 0)
                return try BackgroundProcess(
                    "bash",
                    ["-c", held, "bash", folder] + arguments + [id],
                    log: "\(shop.folder)/shim.log"
                )
            }
            let ours = try shim("demo.web.0", annotation: "demo.web.0")
            let theirs = try shim("other.web.0", annotation: "")
            try await eventually("both have the name of a shim", within: .seconds(60)) {
                let names = [ours, theirs].map { process in
                    ProcFile.commandLine(of: process.pid)?.first?.hasPrefix("containerd-shim-runc-v2")
                }
                return names == [true, true] ? true : nil
            }
            try await shop.runtime.waitForPendingWork()
            #expect(try await eventually("it ends", within: .seconds(60)) { ours.status } >= 128)
            #expect(theirs.status == nil)
        }
    }

    @Test func objectsOfOthersStayAndAreNamedOnce() async throws {
        try await Workshop.with { shop in
            try await shop.containerd.ctr("run", "-d", shop.image, "theirs", "sleep", "1000")
            try await shop.containerd.ctr("run", "-d", shop.image, "bare", "sleep", "1000")
            try await shop.deleteRecord("bare")
            let lines = LogLines()
            let runtime = ContainerRuntime(
                address: shop.containerd.address,
                namespace: shop.containerd.namespace,
                logger: Logger(label: "test") { _ in lines }
            )
            #expect(try await runtime.sweep(keeping: []) == [])
            await runtime.close()
            let tasks = try await shop.containerd.ctr("tasks", "ls", "-q").split(separator: "\n")
            #expect(Set(tasks) == ["theirs", "bare"])
            let lists = lines.all.filter { $0.hasPrefix("leaving ") }
            #expect(lists.count == 2)
            #expect(lists.contains { $0.contains("theirs") } && lists.contains { $0.contains("task bare") }, "\(lists)")
        }
    }
}

/// A log handler that keeps the lines for a test.
private final class LogLines: LogHandler {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logLevel: Logger.Level {
        get { .debug }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
}
