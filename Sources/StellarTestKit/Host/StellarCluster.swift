import FoundationEssentials
import Glibc
import Synchronization

/// Several built daemons for a test, each in a network namespace of its own with an address on a common bridge, which is in
/// a namespace as well: nothing reaches the host, and any link can be cut.
///
/// They have no containerd; what they do as a cluster needs none.
///
///     try await StellarCluster.with(3) { cluster in
///         for node in cluster.nodes { try await node.start() }
///         try await cluster.nodes[0].awaitStatus("alive", of: cluster.nodes[2])
///     }
public final class StellarCluster: Sendable {
    public let nodes: [Node]
    /// The network namespace of the bridge, which is named `bridge`.
    public let hub: String

    private static let count = Mutex(0)

    private init(count: Int, directory: String) {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        let prefix = "stl\(getpid())x\(number)"
        hub = "\(prefix)hub"
        nodes = (0..<count).map { index in
            Node(index: index, prefix: prefix, hub: "\(prefix)hub", directory: "\(directory)/\(index)")
        }
    }

    private func make() async throws {
        try await ChildProcess.check("ip", ["netns", "add", hub])
        try await ChildProcess.check("ip", ["-n", hub, "link", "add", "bridge", "type", "bridge"])
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", "bridge", "up"])
        for node in nodes { try await node.plug() }
    }

    /// Runs a cluster beside `body`; no daemon is started yet. Whatever happens, nothing of it is left.
    public static func with<R: Sendable>(
        _ count: Int,
        _ body: (StellarCluster) async throws -> R
    ) async throws -> R {
        try await TemporaryDirectory.with { directory in
            let cluster = StellarCluster(count: count, directory: directory)
            do {
                try await cluster.make()
                let value = try await body(cluster)
                await cluster.remove()
                return value
            } catch {
                for node in cluster.nodes { print("--- \(node.name)\n\(node.tailOfLog())---") }
                await cluster.remove()
                throw error
            }
        }
    }

    private func remove() async {
        for node in nodes {
            node.kill()
            StellarHost.unmountAll(below: node.directory)
            _ = try? await ChildProcess.run("ip", ["netns", "delete", node.namespace])
        }
        _ = try? await ChildProcess.run("ip", ["netns", "delete", hub])
    }

    /// One host.
    public final class Node: Sendable {
        public let name: String
        /// Its network namespace, below `/run/netns`.
        public let namespace: String
        public let directory: String
        private let hub: String
        /// The other end of its link, in the hub.
        public let port: String

        private struct State {
            var address: String
            var flags: [String] = []
            var hasOwnHosts = false
            var daemon: BackgroundProcess?
        }
        private let state: Mutex<State>

        init(index: Int, prefix: String, hub: String, directory: String) {
            name = "node-\(index)"
            namespace = "\(prefix)n\(index)"
            port = "port\(index)"
            self.hub = hub
            self.directory = directory
            state = Mutex(State(address: "10.77.0.\(index + 1)"))
        }

        /// The one on the bridge; other nodes reach it there.
        public var address: String { state.withLock { $0.address } }
        public var log: String { "\(directory)/stellar.log" }
        public var socket: String { "unix://\(directory)/state/stellar.sock" }
        public var daemon: BackgroundProcess? { state.withLock { $0.daemon } }
        /// Further flags of `stellar server`, used by the next ``start()``; of one given twice, the last counts.
        public var flags: [String] {
            get { state.withLock { $0.flags } }
            set { state.withLock { $0.flags = newValue } }
        }

        func plug() async throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try await ChildProcess.check("ip", ["netns", "add", namespace])
            try await ChildProcess.check(
                "ip",
                ["-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace]
            )
            try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "master", "bridge", "up"])
            for link in ["lo", "eth0"] {
                try await ChildProcess.check("ip", ["-n", namespace, "link", "set", link, "up"])
            }
            try await ChildProcess.check("ip", ["-n", namespace, "address", "add", "\(address)/24", "dev", "eth0"])
        }

        /// Takes the node's link away, on the other side: it sees no change, and no packet passes.
        public func unplug() async throws {
            try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "nomaster", "down"])
        }

        /// Undoes ``unplug()``.
        public func replug() async throws {
            try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "master", "bridge", "up"])
        }

        /// Gives the host another address; its daemon must be stopped.
        public func move(to new: String) async throws {
            try await ChildProcess.check("ip", ["-n", namespace, "address", "flush", "dev", "eth0"])
            try await ChildProcess.check("ip", ["-n", namespace, "address", "add", "\(new)/24", "dev", "eth0"])
            state.withLock { $0.address = new }
        }

        /// The command line of ``launch()``, without ``flags``.
        public var arguments: [String] {
            [
                "server", "--node-name", name, "--bind-addr", address, "--connection-type", "local",
                "--data-dir", "\(directory)/data", "--state-dir", "\(directory)/state",
                "--containerd-addr", "\(directory)/no-containerd.sock",
            ]
        }

        /// What runs a program in the host's network namespace.
        public var wrapper: [String] { ["nsenter", "--net=/run/netns/\(namespace)"] }

        /// Gives the daemon an `/etc/hosts` of its own, which ``setHosts(_:)`` changes, from the next ``start()`` on.
        public func useOwnHosts(_ text: String) throws {
            try setHosts(text)
            state.withLock { $0.hasOwnHosts = true }
        }

        public func setHosts(_ text: String) throws {
            try TemporaryDirectory.write(text.utf8, to: hosts)
        }

        private var hosts: String { "\(directory)/hosts" }

        /// The file is mounted over the other in a mount namespace that ends with the daemon.
        private var hostsWrapper: [String] {
            guard state.withLock({ $0.hasOwnHosts }) else { return [] }
            return ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hosts]
        }

        /// Starts the daemon and does not wait.
        public func launch() throws {
            let command = wrapper + hostsWrapper + [BuiltProduct.path("stellar")] + arguments + flags
            let process = try BackgroundProcess(command[0], Array(command.dropFirst()), log: log)
            state.withLock { $0.daemon = process }
        }

        /// Starts the daemon and waits until it answers.
        public func start() async throws {
            try launch()
            try await eventually("\(name) answers", within: StellarHost.startLimit, every: .milliseconds(100)) {
                () -> Bool? in
                if let status = daemon?.status { throw StellarHost.DaemonEnded(status: status, log: tailOfLog()) }
                return try await run("version").status == 0 ? true : nil
            }
        }

        /// Stops the daemon as an operator does. Returns its exit status.
        @discardableResult
        public func stop() async -> Int32? {
            let daemon = state.withLock { state in
                defer { state.daemon = nil }
                return state.daemon
            }
            return await daemon?.stop()
        }

        /// `kill -9` of the daemon.
        public func kill() {
            let daemon = state.withLock { state in
                defer { state.daemon = nil }
                return state.daemon
            }
            daemon?.kill()
        }

        /// Runs `sctl` on this node, whatever comes of it.
        public func run(_ arguments: String...) async throws -> ChildProcess.Result {
            try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", socket] + arguments)
        }

        /// Runs `sctl` on this node, which must succeed, and returns its standard output.
        @discardableResult
        public func sctl(_ arguments: String...) async throws -> String {
            try await ChildProcess.check(BuiltProduct.path("sctl"), ["--addr", socket] + arguments)
        }

        /// What the daemon has logged.
        public func logged() -> String {
            FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }

        /// The last lines of it.
        public func tailOfLog(lines: Int = 60) -> String {
            logged().split(separator: "\n").suffix(lines).map { $0 + "\n" }.joined()
        }
    }
}
