import FoundationEssentials
import Glibc
import Synchronization

extension StellarCluster {
    /// A host: a network namespace with a daemon.
    public final class Node: Sendable {
        public let name: String
        /// Its network namespace, below `/run/netns`.
        public let namespace: String
        public let directory: String
        /// The other end of its link, in the hub.
        public let port: String
        /// containerd's namespace of its containers, which no other node has.
        public let containerdNamespace: String
        /// The hardware address of its link.
        let hardwareAddress: String
        let hub: String

        struct State {
            var address: String
            var flags: [String] = []
            var hasOwnHosts = false
            var clock: ShiftedClock?
            var containerd: TestContainerd?
            var registryHosts: String?
            var daemon: BackgroundProcess?
        }
        let state: Mutex<State>

        init(index: Int, prefix: String, hub: String, directory: String) {
            name = "node-\(index)"
            namespace = "\(prefix)n\(index)"
            containerdNamespace = "\(prefix)-\(index)"
            port = "port\(index)"
            // Locally administered (IEEE 802c), as the address of a veth is.
            hardwareAddress = "02:00:0a:4d:00:\(index < 16 ? "0" : "")\(String(index, radix: 16))"
            self.hub = hub
            self.directory = directory
            state = Mutex(State(address: "10.77.0.\(index + 1)"))
        }

        /// The address on the bridge, at which other nodes reach this one.
        public var address: String { state.withLock { $0.address } }
        public var log: String { "\(directory)/stellar.log" }
        public var dataDirectory: String { "\(directory)/data" }
        public var stateDirectory: String { "\(directory)/state" }
        public var socket: String { "unix://\(stateDirectory)/stellar.sock" }
        /// The running daemon; nil while it is stopped.
        public var daemon: BackgroundProcess? { state.withLock { $0.daemon } }
        /// The containerd of its containers, its own or a shared one; nil without.
        public var containerd: TestContainerd? { state.withLock { $0.containerd } }
        /// More flags of `stellar server`, from the next ``start()`` on. Of a flag that is given twice, the last counts.
        public var flags: [String] {
            get { state.withLock { $0.flags } }
            set { state.withLock { $0.flags = newValue } }
        }

        func plug() async throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try await ChildProcess.check("ip", ["netns", "add", namespace])
            try await ChildProcess.check(
                "ip",
                ["-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "address", hardwareAddress]
                    + ["netns", namespace]
            )
            try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "master", "bridge", "up"])
            for link in ["lo", "eth0"] {
                try await ChildProcess.check("ip", ["-n", namespace, "link", "set", link, "up"])
            }
            try await ChildProcess.check("ip", ["-n", namespace, "address", "add", "\(address)/24", "dev", "eth0"])
        }

        func use(_ containerd: TestContainerd) {
            state.withLock { $0.containerd = containerd }
        }

        /// Writes the host's `certs.d`: the registry has no TLS, and is a mirror of docker.io.
        func useRegistry(_ registry: TestRegistry) throws {
            let folder = "\(directory)/certs.d"
            for host in [registry.host, "docker.io"] {
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/\(host)",
                    withIntermediateDirectories: true
                )
                let text =
                    "server = \"\(registry.url)\"\n[host.\"\(registry.url)\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
                try TemporaryDirectory.write(text.utf8, to: "\(folder)/\(host)/hosts.toml")
            }
            state.withLock { $0.registryHosts = folder }
        }

        /// Gives the host another address. Its daemon must be stopped.
        public func move(to new: String) async throws {
            try await ChildProcess.check("ip", ["-n", namespace, "address", "flush", "dev", "eth0"])
            try await ChildProcess.check("ip", ["-n", namespace, "address", "add", "\(new)/24", "dev", "eth0"])
            state.withLock { $0.address = new }
        }

        /// The command line of ``launch()``, without ``flags``.
        public var arguments: [String] {
            let (containerd, hosts) = state.withLock { ($0.containerd, $0.registryHosts) }
            var arguments = [
                "server", "--node-name", name, "--bind-addr", address, "--connection-type", "local",
                "--data-dir", dataDirectory, "--state-dir", stateDirectory,
                "--containerd-addr", containerd?.address ?? "\(directory)/no-containerd.sock",
            ]
            if containerd != nil { arguments += ["--namespace", containerdNamespace] }
            if let hosts { arguments += ["--registry-hosts-dir", hosts] }
            return arguments
        }

        /// The command prefix that runs a program in the host's network namespace. Not `ip netns exec`, which also makes a mount
        /// namespace: containerd would not see the network namespaces of containers.
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

        /// Mounts the file over `/etc/hosts`, in a mount namespace that ends with the daemon.
        private var hostsWrapper: [String] {
            guard state.withLock({ $0.hasOwnHosts }) else { return [] }
            return ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hosts]
        }

        /// The command that ``launch()`` runs.
        public var command: [String] {
            let clock = state.withLock { $0.clock?.wrapper } ?? []
            return wrapper + hostsWrapper + clock + [BuiltProduct.path("stellar")] + arguments + flags
        }

        /// Starts the daemon without waiting for it.
        public func launch() throws {
            let command = command
            // The daemon must not use the credentials of the user who runs the test.
            let process = try BackgroundProcess(
                command[0],
                Array(command.dropFirst()),
                log: log,
                environment: ["DOCKER_CONFIG": "\(directory)/docker"]
            )
            state.withLock { $0.daemon = process }
        }

        /// Starts the daemon and waits until it responds.
        public func start() async throws {
            try launch()
            try await responds()
        }

        /// Waits until the daemon responds.
        public func responds() async throws {
            let ended = try await eventually(
                "\(name) responds",
                within: StellarHost.startLimit,
                every: .milliseconds(100)
            ) { () -> Int32?? in
                if let status = daemon?.status { return .some(status) }
                return try await run("version").status == 0 ? .some(nil) : nil
            }
            if let ended { throw StellarHost.DaemonEnded(status: ended, log: tailOfLog()) }
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

        /// Runs `sctl` on this node, which may fail.
        public func run(_ arguments: String...) async throws -> ChildProcess.Result {
            try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", socket] + arguments)
        }

        /// Runs `sctl` on this node, which must succeed, and returns its standard output.
        @discardableResult
        public func sctl(_ arguments: String...) async throws -> String {
            try await ChildProcess.check(BuiltProduct.path("sctl"), ["--addr", socket] + arguments)
        }

        /// Runs a program in this node's network namespace; it may fail.
        public func inside(_ command: String...) async throws -> ChildProcess.Result {
            try await ChildProcess.run(wrapper[0], Array(wrapper.dropFirst()) + command)
        }

        /// Runs `ctr` in this node's containerd namespace; it must succeed. Returns its output.
        @discardableResult
        public func ctr(_ arguments: String...) async throws -> String {
            try await ChildProcess.check("ctr", ctrOptions + arguments)
        }

        /// Runs a program in a container of this node; it may fail.
        public func exec(_ container: String, _ command: String...) async throws -> ChildProcess.Result {
            let id = "test-\(UInt32.random(in: 0...UInt32.max))"
            let arguments = ctrOptions + ["tasks", "exec", "--exec-id", id, container] + command
            return try await ChildProcess.run("ctr", arguments)
        }

        private var ctrOptions: [String] { ["-a", containerd?.address ?? "none", "-n", containerdNamespace] }

        /// Writes a file into the host's folder, and returns its path.
        public func file(_ name: String, _ text: String) throws -> String {
            let path = "\(directory)/\(name)"
            try TemporaryDirectory.write(text.utf8, to: path)
            return path
        }

        /// Everything that the daemon could leave behind on this host, one thing a line; see `scripts/leftovers.sh`.
        public func leftovers() async throws -> String {
            let root = #filePath.replacing("/Sources/StellarTestKit/Host/StellarCluster+Node.swift", with: "")
            let script = "\(root)/scripts/leftovers.sh"
            let paths = [containerd?.address ?? "none", containerdNamespace, dataDirectory, stateDirectory]
            return try await ChildProcess.check(wrapper[0], Array(wrapper.dropFirst()) + [script] + paths)
        }

        /// The log of the daemon.
        public func logged() -> String {
            FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }

        /// The last lines of the log.
        public func tailOfLog(lines: Int = 60) -> String {
            logged().split(separator: "\n").suffix(lines).map { $0 + "\n" }.joined()
        }
    }
}
