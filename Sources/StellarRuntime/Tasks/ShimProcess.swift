import FoundationEssentials
import Glibc
import Logging
import NIOPosix
import StellarRPC
import StellarSystem

/// A process of containerd's runtime shim, as /proc shows it (proc(5)).
///
/// containerd runs the shim's program for three purposes: to serve a task during its life, and briefly to `start` such
/// a server and to `delete` its remains. The API shows none of this, and a crash of a client can leave it inconsistent:
/// containerd 1.6 first removes a task from its list and then, for seconds on a busy machine, its resources (`delete`
/// kills all processes under that id). If the call is cancelled in the middle, it forgets the server.
struct ShimProcess: Sendable, Hashable {
    enum Role: Sendable, Hashable {
        /// Serves a task, or did.
        case server
        /// `start` or `delete`: ends by itself.
        case passing
    }

    let pid: pid_t
    let container: String
    let role: Role
    /// Its containerd runtime.
    let runtime: String

    /// The prefix of a shim's program name.
    private static let program = "containerd-shim"

    /// The shims of one containerd and namespace. Blocking: some microseconds for each process of the machine.
    static func all(namespace: String, address: String) -> [ShimProcess] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), let arguments = ProcFile.commandLine(of: pid) else { return nil }
            return ShimProcess(pid: pid, arguments, namespace: namespace, address: address)
        }
    }

    /// Parses a command line; nil if it is not that of a shim of this containerd and namespace.
    init?(pid: pid_t, _ arguments: [String], namespace: String, address: String) {
        guard let name = arguments.first?.split(separator: "/").last, name.hasPrefix(Self.program) else { return nil }
        func value(_ flag: String) -> String? {
            guard let index = arguments.firstIndex(of: flag), index + 1 < arguments.count else { return nil }
            return arguments[index + 1]
        }
        guard value("-namespace") == namespace, value("-address") == address else { return nil }
        // Shims of version 2 name the container; those of version 1 have its id as folder name.
        guard let container = value("-id") ?? value("-workdir")?.split(separator: "/").last.map(String.init) else {
            return nil
        }
        self.pid = pid
        self.container = container
        role = ["start", "delete"].contains(arguments.last) ? .passing : .server
        // containerd-shim-runc-v2 is the shim of io.containerd.runc.v2, containerd-shim that of version 1.
        let words = name.dropFirst(Self.program.count).split(separator: "-")
        runtime = words.isEmpty ? RuntimeName.linux : "io.containerd." + words.joined(separator: ".")
    }

    /// The owner of the bundle that a shim works in.
    enum Bundle: Sendable, Hashable {
        /// Its specification has our annotation.
        case ours
        case others
        /// It has been deleted.
        case none
    }

    /// Reads the bundle, which is the shim's working directory. Blocking.
    func bundle() -> Bundle {
        struct Specification: Decodable {
            var annotations: [String: String]?
        }
        let files = FileManager.default
        guard let folder = try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd"),
            files.fileExists(atPath: folder)
        else { return .none }
        guard let bytes = files.contents(atPath: "\(folder)/config.json"),
            let specification = try? JSONDecoder().decode(Specification.self, from: bytes)
        else { return .others }
        return specification.annotations?[OCISpecification.containerAnnotation] == container ? .ours : .others
    }

    /// A shim needs milliseconds to end; after this it is killed, which leaves only its socket file behind.
    private static let grace = Duration.seconds(1)
    private static let pollInterval = Duration.milliseconds(10)

    /// Ends it, with SIGKILL if SIGTERM does not.
    func end() async throws {
        guard kill(pid, SIGTERM) == 0 else { return }
        let clock = ContinuousClock()
        let deadline = clock.now + Self.grace
        while clock.now < deadline {
            try await clock.sleep(for: Self.pollInterval)
            guard kill(pid, 0) == 0 else { return }
        }
        _ = kill(pid, SIGKILL)
    }
}

extension ContainerRuntime {
    /// containerd's own clean-up takes at most five seconds, twice; longer work does not end.
    private static let pendingWorkLimit = Duration.seconds(15)
    /// A server without a task may belong to a running create or delete; after this it is an orphan.
    private static let orphanAge = Duration.seconds(1)
    private static let pendingWorkInterval = Duration.milliseconds(20)

    /// The shims of this namespace.
    func shims() async throws -> [ShimProcess] {
        try await NIOThreadPool.singleton.runIfActive { [namespace, address] in
            ShimProcess.all(namespace: namespace, address: address)
        }
    }

    /// The owner of the bundle that a shim works in.
    func bundle(of shim: ShimProcess) async throws -> ShimProcess.Bundle {
        try await NIOThreadPool.singleton.runIfActive { shim.bundle() }
    }

    /// Waits until containerd has finished the requests of a crashed client, and ends the shims that it forgot. Then
    /// containerd's lists are complete. For the start after a crash: create no container meanwhile.
    ///
    /// Shims with bundles of other clients stay: the clients may be making tasks with them.
    public func waitForPendingWork() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        while true {
            let shims = try await shims()
            let tasks = try await taskProcesses()
            var astray: [ShimProcess] = []
            for shim in shims where shim.role == .passing || tasks[shim.container] == nil {
                if try await bundle(of: shim) != .others { astray.append(shim) }
            }
            guard !astray.isEmpty else { return }
            let age = start.duration(to: clock.now)
            if age >= Self.orphanAge, astray.allSatisfy({ $0.role == .server }) {
                for shim in astray { try await end(shim) }
            } else if age >= Self.pendingWorkLimit {
                let pids = astray.map { "\($0.pid)" }.joined(separator: ", ")
                logger.warning("shims of containerd do not end", metadata: ["pids": "\(pids)"])
                return
            }
            try await clock.sleep(for: Self.pendingWorkInterval)
        }
    }

    /// Ends a container's shim that has no task; see ``ShimProcess``.
    func endOrphanedShim(_ id: String) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + Self.pendingWorkLimit
        while clock.now < deadline {
            let shims = try await shims().filter { $0.container == id }
            guard !shims.isEmpty else { return }
            if shims.contains(where: { $0.role == .passing }) {
                try await clock.sleep(for: Self.pendingWorkInterval)
            } else {
                for shim in shims { try await end(shim) }
            }
        }
    }

    private func end(_ shim: ShimProcess) async throws {
        logger.info("ending a shim without a task", metadata: ["id": "\(shim.container)", "pid": "\(shim.pid)"])
        try await shim.end()
    }
}
