import FoundationEssentials
import Glibc
import Synchronization

/// A cluster of hosts on one machine. Each has the built daemon in a network namespace of its own, and an address on a common
/// bridge. The bridge is in a namespace, too: nothing reaches this machine's network, and any link can be cut.
///
///     try await StellarCluster.with(3, containerd: .each) { cluster in
///         for node in cluster.nodes { try await node.start() }
///         let image = try await cluster.push("busybox", .busybox())
///         try await cluster.nodes[0].sctl("apps", "create", "-f", node.file("app.json", text))
///     }
///
/// The faults are in `StellarCluster+Faults.swift`; ``Node`` is one host.
public final class StellarCluster: Sendable {
    /// The containerd of the nodes.
    public enum Containerd: String, Sendable, CaseIterable {
        /// No containerd: for tests that need no containers.
        case none
        /// One containerd, in which each node has a namespace: takes much less memory than `each`.
        case shared
        /// One containerd per node, in the node's network namespace, as on real hosts.
        case each
    }

    public let nodes: [Node]
    /// The network namespace of the bridge, which is named `bridge`.
    public let hub: String
    public let containerd: Containerd
    /// The folder of all its files.
    public let directory: String
    let prefix: String
    private let parts = Mutex(Parts())

    private struct Parts {
        var registry: TestRegistry?
        var shared: TestContainerd?
    }

    private static let count = Mutex(0)
    /// The hub's own address on the bridge; the registry listens there.
    static let hubAddress = "10.77.0.254"

    /// - Parameters:
    ///   - count: at most 250.
    ///   - directory: the folder of all its files; must exist and have a unique name.
    ///   - prefix: the start of the names of network and containerd namespaces.
    public init(count: Int, containerd: Containerd, directory: String, prefix: String) {
        self.containerd = containerd
        self.directory = directory
        self.prefix = prefix
        let hub = "\(prefix)hub"
        self.hub = hub
        nodes = (0..<count).map { index in
            Node(index: index, prefix: prefix, hub: hub, directory: "\(directory)/\(index)")
        }
    }

    /// Makes a cluster, without starting daemons, and removes all of it when `body` leaves.
    public static func with<R: Sendable>(
        _ count: Int,
        containerd: Containerd = .none,
        _ body: (StellarCluster) async throws -> R
    ) async throws -> R {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        return try await TemporaryDirectory.with { directory in
            let cluster = StellarCluster(
                count: count,
                containerd: containerd,
                directory: directory,
                prefix: "stl\(getpid())x\(number)"
            )
            do {
                try await cluster.make()
                let value = try await body(cluster)
                await cluster.remove()
                return value
            } catch {
                // The logs of the daemons explain most failures.
                for node in cluster.nodes { print("--- \(node.name)\n\(node.tailOfLog())---") }
                await cluster.remove()
                throw error
            }
        }
    }

    /// Makes the hosts, their containerds and the registry, and starts no daemon.
    public func make() async throws {
        try await ChildProcess.check("ip", ["netns", "add", hub])
        // A fixed hardware address: otherwise the bridge takes that of a port, and changes it when that port is removed.
        try await ChildProcess.check(
            "ip",
            ["-n", hub, "link", "add", "bridge", "address", "0a:77:00:00:00:fe", "type", "bridge"]
        )
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", "bridge", "up"])
        for node in nodes { try await node.plug() }
        if nodes.count > Self.dynamicNeighbours { try await addNeighbours() }
        guard containerd != .none else { return }
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", "lo", "up"])
        try await ChildProcess.check("ip", ["-n", hub, "address", "add", "\(Self.hubAddress)/24", "dev", "bridge"])
        let registry = try await startRegistry()
        parts.withLock { $0.registry = registry }
        for node in nodes { try node.useRegistry(registry) }
        if containerd == .shared {
            let shared = try await startContainerd(in: "\(directory)/containerd", namespace: prefix, wrapper: [])
            parts.withLock { $0.shared = shared }
            for node in nodes { node.use(shared) }
        } else {
            for node in nodes {
                let own = try await startContainerd(
                    in: "\(node.directory)/containerd",
                    namespace: node.containerdNamespace,
                    wrapper: node.wrapper
                )
                node.use(own)
            }
        }
    }

    /// The number of hosts up to which the kernel learns their hardware addresses. Its neighbour table is shared by all network
    /// namespaces and has room for `gc_thresh3` entries, 1,024 by default (arp(7)): the pairs of this many hosts.
    private static let dynamicNeighbours = 30

    /// Adds permanent neighbour entries for all hosts on each host. They do not count for the limit (since Linux 5.0).
    private func addNeighbours() async throws {
        let lines = nodes.map {
            "neighbour replace \($0.address) lladdr \($0.hardwareAddress) dev eth0 nud permanent\n"
        }
        let file = "\(directory)/neighbours"
        try TemporaryDirectory.write(lines.joined().utf8, to: file)
        for node in nodes { try await ChildProcess.check("ip", ["-n", node.namespace, "-batch", file]) }
    }

    private func startRegistry() async throws -> TestRegistry {
        let folder = "\(directory)/registry"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let host = "\(Self.hubAddress):5000"
        return try await TestRegistry.start(in: folder, at: host, listening: "0.0.0.0:5000", wrapper: wrapper)
    }

    private func startContainerd(in folder: String, namespace: String, wrapper: [String]) async throws -> TestContainerd
    {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let containerd = try TestContainerd(directory: folder, namespace: namespace, wrapper: wrapper)
        do {
            try await containerd.start()
        } catch {
            await containerd.remove()
            throw error
        }
        return containerd
    }

    /// The registry, which also is the nodes' mirror of docker.io; nil without containerd.
    public var registry: TestRegistry? { parts.withLock { $0.registry } }

    /// Builds an image and pushes it to the registry. Returns its reference.
    public func push(_ repository: String, tag: String = "latest", _ builder: ImageBuilder) async throws -> String {
        guard let registry else { throw FileFailure(path: "registry", operation: "push", number: ENOTCONN) }
        return try await TemporaryDirectory.with { folder in
            try await builder.build(in: folder).push(to: registry, repository, tag: tag)
        }
    }

    /// Pushes an image of this machine's redis under the name that the README uses. Returns its reference.
    @discardableResult
    public func pushRedis() async throws -> String {
        let root = #filePath.replacing("/Sources/StellarTestKit/Host/StellarCluster.swift", with: "")
        let image = "library/redis:alpine"
        try await ChildProcess.check(
            wrapper[0],
            Array(wrapper.dropFirst()) + ["\(root)/scripts/make-image.sh", "127.0.0.1:5000/\(image)"]
        )
        return "docker.io/\(image)"
    }

    /// The command prefix that runs a program in the hub's network namespace.
    private var wrapper: [String] { ["nsenter", "--net=/run/netns/\(hub)"] }

    /// Stops and removes everything, also a cluster that an earlier process made with the same directory and prefix.
    public func remove() async {
        for node in nodes { node.kill() }
        let namespaces = nodes.map(\.containerdNamespace)
        for node in nodes where containerd == .each { await node.containerd?.remove() }
        if let shared = parts.withLock({ $0.shared }) { await shared.remove(namespaces: namespaces) }
        parts.withLock { $0 = Parts() }
        // Only a cluster of an earlier process has such servers.
        for process in Leavings.servers(below: directory) { _ = Glibc.kill(process, SIGKILL) }
        for namespace in namespaces { await Leavings.removeCgroups(of: namespace) }
        // Network namespaces of containers are mounts below the state folder, which is a mount, too.
        Leavings.unmountAll(below: directory)
        for namespace in nodes.map(\.namespace) + [hub] {
            _ = try? await ChildProcess.run("ip", ["netns", "delete", namespace])
        }
    }
}
