import FoundationEssentials
import Glibc

/// A containerd for one test: it shares its root, state, sockets and namespace with no other.
public final class TestContainerd: Sendable {
    /// The socket of its API.
    public let address: String
    /// A containerd namespace. Its name is unique on this machine, as cgroups are named after it.
    public let namespace: String
    /// The folder of all its files.
    public let directory: String
    /// The file of its log.
    public var log: String { "\(directory)/containerd.log" }
    /// The main process; a restart makes a new one.
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
    ///   - directory: the folder of its files; removed with it.
    ///   - namespace: nil for a unique one.
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

    /// Runs a containerd while `body` runs. Then removes its tasks, shims, mounts and cgroups.
    ///
    /// - Parameters:
    ///   - disabling: the full names of plugins not to load.
    ///   - configuration: more lines of its configuration (TOML).
    ///   - wrapper: a program with arguments that becomes containerd by `exec`, to give it another view of the machine.
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

    /// Starts containerd, for the first time or again, and waits until it responds.
    public func start() async throws {
        try await server.start()
        try await eventually("containerd responds at \(address)") { () -> Bool? in
            if let status = await server.ended {
                throw FileFailure(path: "containerd, see \(directory)/containerd.log", operation: "run", number: status)
            }
            return try await ChildProcess.run("ctr", ["-a", address, "version"]).status == 0 ? true : nil
        }
    }

    /// Stops the main process, with SIGKILL for a crash. Containers keep running: their shims hold them.
    public func stop(crash: Bool = false) async {
        await server.stop(crash: crash)
    }

    /// Kills containerd and all its containers at once, and removes its files in memory. The next start finds what a host has on
    /// its disk after a power loss, except that writes which the kernel still holds are not lost.
    func losePower() async {
        await server.stop(crash: true)
        killShims()
        Leavings.unmountAll(below: directory)
        await Leavings.removeCgroups(of: namespace)
        TemporaryDirectory.remove("\(directory)/state")
        // runc's state: in memory on a real host, and outside of containerd's folder.
        TemporaryDirectory.remove("/run/containerd/runc/\(namespace)")
    }

    /// Runs `ctr` in ``namespace``; it must succeed. Returns its output.
    @discardableResult
    public func ctr(_ arguments: String...) async throws -> String {
        try await ChildProcess.check("ctr", ["-a", address, "-n", namespace] + arguments)
    }

    /// Stops containerd and everything that it started, and removes every trace, also cgroups of more namespaces.
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
