import FoundationEssentials
import Glibc

/// A containerd of a test's own: its root, state, sockets and namespace are shared with nobody.
public final class TestContainerd: Sendable {
    /// The socket of its API.
    public let address: String
    /// A containerd namespace that is unique on this machine: cgroups are named after it.
    public let namespace: String
    /// Where everything of it lies.
    public let directory: String
    /// What it says.
    public var log: String { "\(directory)/containerd.log" }
    /// The main process; a restart makes another.
    public var pid: Int32 { get async { await server.pid } }

    private let server: Server

    private actor Server {
        let command: [String]
        let log: String
        var process: BackgroundProcess?

        init(command: [String], log: String) {
            self.command = command
            self.log = log
        }

        var pid: Int32 { process?.pid ?? 0 }

        func start() throws {
            process = try BackgroundProcess(command[0], Array(command.dropFirst()), log: log)
        }

        func stop(crash: Bool) async {
            if crash { process?.kill() } else { await process?.stop() }
            process = nil
        }

        var ended: Int32? { process?.status }
    }

    /// - Parameters:
    ///   - directory: for its files; it goes with them.
    ///   - namespace: nil for one that nobody else has.
    init(
        directory: String,
        namespace: String? = nil,
        disabling: [String] = [],
        configuration extra: String = "",
        wrapper: [String] = []
    ) throws {
        self.directory = directory
        address = "\(directory)/containerd.sock"
        self.namespace = namespace ?? "stellar-test-\(getpid())-\(UInt32.random(in: 0..<1_000_000))"
        let disabled = (["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"] + disabling).map { "\"\($0)\"" }
        let configuration = """
            version = 2
            root = "\(directory)/root"
            state = "\(directory)/state"
            disabled_plugins = [\(disabled.joined(separator: ", "))]
            [grpc]
            address = "\(directory)/containerd.sock"
            [ttrpc]
            address = "\(directory)/containerd.sock.ttrpc"
            \(extra)
            """
        let path = "\(directory)/config.toml"
        try TemporaryDirectory.write(configuration.utf8, to: path)
        server = Server(
            command: wrapper + ["containerd", "--config", path],
            log: "\(directory)/containerd.log"
        )
    }

    /// Runs one beside `body`. Whatever happens, its tasks, shims, mounts and cgroups are gone afterwards.
    ///
    /// - Parameters:
    ///   - disabling: plugins that it does not load, by their full names.
    ///   - configuration: more lines of its configuration (TOML).
    ///   - wrapper: a program and its arguments that becomes containerd by `exec`, to give it another view of the machine.
    public static func with<R>(
        disabling: [String] = [],
        configuration: String = "",
        wrapper: [String] = [],
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestContainerd) async throws -> R
    ) async throws -> R {
        let containerd = try TestContainerd(
            directory: TemporaryDirectory.make(),
            disabling: disabling,
            configuration: configuration,
            wrapper: wrapper
        )
        do {
            try await containerd.start()
            let value = try await body(containerd)
            await containerd.remove()
            return value
        } catch {
            await containerd.remove()
            throw error
        }
    }

    /// Starts it, again, and waits until it answers.
    public func start() async throws {
        try await server.start()
        try await eventually("containerd answers at \(address)") { () -> Bool? in
            if let status = await server.ended {
                throw FileFailure(path: "containerd, see \(directory)/containerd.log", operation: "run", number: status)
            }
            return try await ChildProcess.run("ctr", ["-a", address, "version"]).status == 0 ? true : nil
        }
    }

    /// Ends the main process, by SIGKILL for a crash. Containers run on, in the care of their shims.
    public func stop(crash: Bool = false) async {
        await server.stop(crash: crash)
    }

    /// Ends it and all that runs in it at once, and what it had in memory is gone: what it finds at its next start is what a
    /// host that lost its power has on its disk. Nothing was flushed for it, but it does not lose what the kernel has still
    /// to write.
    func losePower() async {
        await server.stop(crash: true)
        killShims()
        Leavings.unmountAll(below: directory)
        await Leavings.removeCgroups(of: namespace)
        TemporaryDirectory.remove("\(directory)/state")
        // Where runc keeps what it knows of containers: in memory on a real host, and not below containerd's own folder.
        TemporaryDirectory.remove("/run/containerd/runc/\(namespace)")
    }

    /// Runs `ctr` in ``namespace``; it must succeed. Returns its output.
    @discardableResult
    public func ctr(_ arguments: String...) async throws -> String {
        try await ChildProcess.check("ctr", ["-a", address, "-n", namespace] + arguments)
    }

    /// Ends it and everything it started, and removes every trace; cgroups of further namespaces too.
    func remove(namespaces: [String] = []) async {
        await removeTasks()
        await server.stop(crash: false)
        killShims()
        Leavings.unmountAll(below: directory)
        for namespace in [namespace] + namespaces { await Leavings.removeCgroups(of: namespace) }
        if getenv("STELLAR_TEST_KEEP") == nil { TemporaryDirectory.remove(directory) }
    }

    private func killShims() {
        let shims = Leavings.processes { arguments in
            arguments.contains(address) && arguments.contains { $0.contains("containerd-shim") }
        }
        for shim in shims {
            for child in Leavings.children(of: shim) { _ = kill(child, SIGKILL) }
            _ = kill(shim, SIGKILL)
        }
    }

    private func removeTasks() async {
        let prefix = ["-a", address, "--connect-timeout", "5s"]
        guard let names = try? await ChildProcess.run("ctr", prefix + ["namespaces", "ls", "-q"]), names.status == 0
        else { return }
        for name in names.output.split(separator: "\n").map(String.init) {
            let tasks = try? await ChildProcess.run("ctr", prefix + ["-n", name, "tasks", "ls", "-q"])
            for id in (tasks?.output ?? "").split(separator: "\n").map(String.init) {
                _ = try? await ChildProcess.run("ctr", prefix + ["-n", name, "tasks", "rm", "-f", id])
            }
        }
    }
}
