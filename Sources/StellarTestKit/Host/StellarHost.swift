import FoundationEssentials
import Glibc
import Synchronization

/// A host for a test: a containerd, a registry on loopback, and the built `stellar`. It has folders, a bridge, a subnet and
/// ports of its own, so that several hosts run at the same time, also beside a real one.
///
///     try await StellarHost.with { host in
///         let image = try await host.pushBusybox("app")
///         try await host.sctl("apps", "create", "-f", try host.file("app.json", text))
///     }
public final class StellarHost {
    /// The containerd of this host.
    public let containerd: TestContainerd
    /// The registry of this host, which also is its mirror of `docker.io`.
    public let registry: TestRegistry
    /// A folder that ends with the host.
    public let directory: String
    /// `127.0.0.1:PORT` of the API.
    public let address: String
    /// The bridge of the containers.
    public let bridge: String
    /// The network that this host takes its subnet from.
    public let subnet: String
    /// The running daemon; nil while it is stopped.
    public private(set) var daemon: BackgroundProcess?
    /// More flags of `stellar server`, from the next ``start()`` on. Of a flag that is given twice, the last counts.
    public var flags: [String] = []
    /// More options of every `sctl`: those for TLS.
    public var clientOptions: [String] = []
    /// The daemon's executable, from the next ``start()`` on.
    public var program = BuiltProduct.path("stellar")

    /// Limit for the start of a daemon: a debug build on a busy machine with two cores.
    public static let startLimit = Duration.seconds(180)

    public var dataDirectory: String { "\(directory)/data" }
    public var stateDirectory: String { "\(directory)/state" }
    public var log: String { "\(directory)/stellar.log" }
    private let port: UInt16
    private let gossipPort: UInt16
    /// The second octet of the host's addresses, 16 to 255.
    private let network: Int
    private static let networks = Mutex(Int(getpid()) % 240)

    private init(containerd: TestContainerd, registry: TestRegistry, directory: String) throws {
        self.containerd = containerd
        self.registry = registry
        self.directory = directory
        port = try LoopbackPort.free()
        gossipPort = try LoopbackPort.free()
        address = "127.0.0.1:\(port)"
        // The port makes the bridge's name unique on the machine; the network is unique in this run.
        network = Self.networks.withLock { next in
            next = (next + 1) % 240
            return 16 + next
        }
        bridge = "stl\(port)"
        subnet = "10.\(network).0.0/16"
        // The host's certs.d: the registry is a mirror of docker.io.
        let mirror = "\(directory)/certs.d/docker.io"
        try FileManager.default.createDirectory(atPath: mirror, withIntermediateDirectories: true)
        let hosts =
            "server = \"\(registry.url)\"\n[host.\"\(registry.url)\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
        try TemporaryDirectory.write(hosts.utf8, to: "\(mirror)/hosts.toml")
    }

    /// Makes a host, and removes all of it when `body` leaves.
    ///
    /// - Parameters:
    ///   - start: whether the daemon runs when `body` begins.
    ///   - containerd: more lines of containerd's configuration.
    public static func with<R: Sendable>(
        start: Bool = true,
        containerd configuration: String = "",
        _ body: (StellarHost) async throws -> R
    ) async throws -> R {
        try await TemporaryDirectory.with { directory in
            try await TestRegistry.with { registry in
                try await TestContainerd.with(configuration: configuration) { containerd in
                    let host = try StellarHost(containerd: containerd, registry: registry, directory: directory)
                    do {
                        if start { try await host.start() }
                        let value = try await body(host)
                        await host.remove()
                        return value
                    } catch {
                        // The logs explain most failures.
                        print("--- \(host.log)\n\(host.tailOfLog())---")
                        print("--- \(containerd.log)\n\(lastLines(60, of: containerd.log))---")
                        await host.remove()
                        throw error
                    }
                }
            }
        }
    }

    /// Starts the daemon and waits until it responds.
    public func start() async throws {
        try launch()
        let ended = try await eventually("stellar responds at \(address)", within: Self.startLimit) { () -> Int32?? in
            if let status = daemon?.status { return .some(status) }
            // On the socket, which is made after the port and needs no certificates.
            let state = flags.lastIndex(of: "--state-dir").map { flags[$0 + 1] } ?? stateDirectory
            let socket = "unix://\(state)/stellar.sock"
            let result = try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", socket, "version"])
            return result.status == 0 ? .some(nil) : nil
        }
        if let ended { throw DaemonEnded(status: ended, log: tailOfLog()) }
    }

    /// The daemon ended during its start.
    public struct DaemonEnded: Error {
        public let status: Int32
        public let log: String
    }

    /// The command line of ``start()``, without ``flags``.
    public var arguments: [String] {
        [
            "-D", "server", "--node-name", "node-\(port)", "--bind-addr", "127.0.0.1", "--advertise-addr", "127.0.0.1",
            "--agent-port", "\(port)", "--bind-port", "\(gossipPort)", "--data-dir", dataDirectory, "--state-dir",
            stateDirectory, "--bridge", bridge,
            "--subnet", subnet, "--containerd-addr", containerd.address, "--namespace", containerd.namespace,
            "--registry-hosts-dir", "\(directory)/certs.d",
        ]
    }

    /// Starts the daemon without waiting for it.
    public func launch() throws {
        // The daemon must not use the credentials of the user who runs the test.
        daemon = try BackgroundProcess(
            program,
            arguments + flags,
            log: log,
            environment: ["DOCKER_CONFIG": "\(directory)/docker"]
        )
    }

    /// Stops the daemon as an operator does. Returns its exit status.
    @discardableResult
    public func stop() async -> Int32? {
        let status = await daemon?.stop(grace: .seconds(30))
        daemon = nil
        return status
    }

    /// `kill -9` of the daemon.
    public func kill() {
        daemon?.kill()
        daemon = nil
    }

    /// Runs `sctl`, which may fail.
    public func run(_ arguments: String...) async throws -> ChildProcess.Result {
        try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", address] + clientOptions + arguments)
    }

    /// Runs `sctl`, which must succeed, and returns its standard output.
    @discardableResult
    public func sctl(_ arguments: String...) async throws -> String {
        try await ChildProcess.check(BuiltProduct.path("sctl"), ["--addr", address] + clientOptions + arguments)
    }

    /// Writes a file into the host's folder, and returns its path.
    public func file(_ name: String, _ text: String) throws -> String {
        let path = "\(directory)/\(name)"
        try TemporaryDirectory.write(text.utf8, to: path)
        return path
    }

    /// Builds an image out of busybox and pushes it. Returns its reference.
    public func push(_ repository: String, tag: String = "latest", _ builder: ImageBuilder) async throws -> String {
        try await TemporaryDirectory.with { directory in
            try await builder.build(in: directory).push(to: registry, repository, tag: tag)
        }
    }

    /// Everything that the daemon could leave behind on this host, one thing a line; see `scripts/leftovers.sh`.
    public func leftovers() async throws -> String {
        let root = #filePath.replacing("/Sources/StellarTestKit/Host/StellarHost.swift", with: "")
        return try await ChildProcess.check(
            "\(root)/scripts/leftovers.sh",
            [containerd.address, containerd.namespace, dataDirectory, stateDirectory, bridge]
        )
    }

    /// The last lines of the log of the daemon.
    public func tailOfLog(lines: Int = 60) -> String {
        Self.lastLines(lines, of: log)
    }

    private static func lastLines(_ count: Int, of file: String) -> String {
        let text = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").suffix(count).map { $0 + "\n" }.joined()
    }

    private func remove() async {
        kill()
        _ = try? await ChildProcess.run("ip", ["link", "delete", bridge])
        // Network namespaces are mounts below the state folder, which is a mount, too.
        Leavings.unmountAll(below: directory)
        await removeRules()
    }

    /// Removes the firewall rules of this host, which are in chains that are named after its bridge.
    private func removeRules() async {
        let chain = "STELLAR-\(bridge)"
        for table in ["nat", "filter"] {
            let listed = try? await ChildProcess.run("iptables", ["-t", table, "-S"]).output
            for line in (listed ?? "").split(separator: "\n") where line.hasSuffix(" -j \(chain)") {
                let rule = line.split(separator: " ").dropFirst().map(String.init)
                _ = try? await ChildProcess.run("iptables", ["-t", table, "-D"] + rule)
            }
            for step in ["-F", "-X"] { _ = try? await ChildProcess.run("iptables", ["-t", table, step, chain]) }
        }
    }
}
