public import Logging
public import StellarCore
import Synchronization

/// What the containers of one node are joined to.
public struct ContainerNetworkConfiguration: Sendable, Hashable {
    /// The bridge's interface name, at most 15 bytes.
    public var bridge = "stellar0"
    /// This node's id, under which the daemon keeps its addresses.
    public var nodeID: String
    /// This node's part of the cluster's network; its first address is the gateway, on the bridge.
    public var subnet: IPv4Subnet
    /// The daemon's gRPC address, host:port.
    public var peerAddress: String
    /// The daemon's unix socket, which `stellar-cni-ipam` takes before ``peerAddress``: it needs no TLS and no port.
    public var socket: String?
    /// Namespaces are bound at `<stateDirectory>/ns/<id>/net`.
    public var stateDirectory = "/run/stellar"
    /// The directories of CNI plugins, first one first.
    public var pluginPaths = CNIPluginPaths.standard
    /// How long one execution of a plugin may take.
    public var pluginTimeout = Duration.seconds(20)

    public init(nodeID: String, subnet: IPv4Subnet, peerAddress: String, socket: String? = nil) {
        self.nodeID = nodeID
        self.subnet = subnet
        self.peerAddress = peerAddress
        self.socket = socket
    }
}

/// A container's place in the network.
public struct NetworkAttachment: Sendable, Hashable {
    /// The container's id.
    public var id: String
    /// The file its network namespace is bound at, for the OCI specification.
    public var namespacePath: String
    /// Its address on `eth0`; nil with loopback only.
    public var address: IPv4Address?
    /// The bridge's address; nil with loopback only.
    public var gateway: IPv4Address?
}

/// Gives containers their network namespaces and joins them to the node's bridge through CNI.
///
/// Every operation may be repeated after a crash at any instant: it finishes or undoes what an earlier one left. Operations
/// on one id must not overlap; those on several may.
///
/// Beside a container's namespace stands the result of CNI's ADD (`<state>/ns/<id>/result`): it is written last, so without
/// it an attachment is unfinished.
public final class ContainerNetwork: Sendable {
    /// The interface in the container.
    static let interface = "eth0"

    public let configuration: ContainerNetworkConfiguration
    private let logger: Logger
    private let networks = Mutex<Networks?>(nil)

    /// The two networks of each container, found once.
    struct Networks: Sendable {
        var loopback: CNINetwork
        var bridge: CNINetwork
    }

    public init(_ configuration: ContainerNetworkConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// The directory that holds one directory per container.
    var directory: String {
        "\(configuration.stateDirectory)/ns"
    }

    func directory(_ id: String) -> String {
        "\(directory)/\(id)"
    }

    /// The file the container's namespace is bound at.
    public func namespacePath(_ id: String) -> String {
        "\(directory(id))/net"
    }

    private func resultPath(_ id: String) -> String {
        "\(directory(id))/result"
    }

    /// Makes what all containers share: the directory of namespaces, the bridge with the gateway's address, forwarding.
    /// Ends plugins that a killed daemon left, and says which plugin is missing before a container needs it.
    public func prepare() async throws {
        guard let gateway = configuration.subnet.gateway else {
            throw NetworkError(.invalidArgument, "\(configuration.subnet) has no room for a gateway")
        }
        let directory = directory
        let orphans = try await BlockingThreads.run { try OrphanedPlugins.end(under: directory) }
        if orphans > 0 { logger.info("ended plugins of an earlier run", metadata: ["stellar.count": "\(orphans)"]) }
        try await NetworkNamespace.prepareDirectory(directory)
        try await Bridge.ensure(
            configuration.bridge,
            address: gateway,
            prefixLength: configuration.subnet.prefixLength
        )
        try await PacketForwarding.enable()
        _ = try await foundNetworks()
    }

    /// Makes the container's namespace, loopback up, and returns its path. One that stands is kept.
    ///
    /// ``attach(_:loopbackOnly:)`` does this first; called before it, a task can be created while CNI works.
    @discardableResult
    public func makeNamespace(_ id: String) async throws -> String {
        try Self.checkID(id)
        let path = namespacePath(id)
        let result = resultPath(id)
        try await BlockingThreads.run {
            // A result without its namespace is from before a reboot.
            if try !NetworkNamespace.existsNow(at: path) { try FileSystem.remove(result) }
            try NetworkNamespace.createNow(at: path)
        }
        return path
    }

    /// Joins the container to the network; called again, it answers with what it has.
    ///
    /// - Parameter loopbackOnly: a namespace with nothing but loopback.
    /// - Throws: ``NetworkError``; what was done is then undone by ``detach(_:)``, or finished by another attach.
    public func attach(_ id: String, loopbackOnly: Bool = false) async throws -> NetworkAttachment {
        let path = try await makeNamespace(id)
        let networks = try await foundNetworks()
        if loopbackOnly {
            let (_, text) = try await networks.loopback.add(id, namespace: path, interface: "lo")
            let resultPath = resultPath(id)
            try await BlockingThreads.run { try FileSystem.replace(resultPath, with: text) }
            return NetworkAttachment(id: id, namespacePath: path)
        }
        switch try await state(id) {
        case .attached(let result):
            if let address = result.address(of: Self.interface) { return attachment(id, address) }
            try await undo(id)
        case .partial:
            try await undo(id)
        case .missing, .empty:
            break
        }
        // They touch different interfaces, so one need not wait for the other.
        async let loopback = networks.loopback.add(id, namespace: path, interface: "lo")
        let (result, text) = try await networks.bridge.add(id, namespace: path, interface: Self.interface)
        _ = try await loopback
        guard let address = result.address(of: Self.interface) else {
            throw NetworkError(
                .internalError,
                "no ips returned from cni: plugin \(networks.bridge.plugin.path) gave \(Self.interface) of \(id) no IPv4 address"
            )
        }
        let resultPath = resultPath(id)
        try await BlockingThreads.run { try FileSystem.replace(resultPath, with: text) }
        return attachment(id, address)
    }

    /// Whether the container's namespace stands and `eth0` in it has its address, or nothing but loopback was asked for:
    /// false after a reboot, where the file is there and the namespace is not.
    public func check(_ id: String) async throws -> Bool {
        guard case .attached = try await state(id) else { return false }
        return true
    }

    /// The attachment that ``attach(_:loopbackOnly:)`` made; nil when it is not whole.
    public func attachment(_ id: String) async throws -> NetworkAttachment? {
        guard case .attached(let result) = try await state(id) else { return nil }
        guard let address = result.address(of: Self.interface) else {
            return NetworkAttachment(id: id, namespacePath: namespacePath(id))
        }
        return attachment(id, address)
    }

    /// Runs CNI's CHECK: the bridge plugin compares addresses, routes and interfaces with the result of ADD.
    public func verify(_ id: String) async throws {
        guard case .attached = try await state(id) else {
            throw NetworkError(.failedPrecondition, "\(id) is not attached to the network")
        }
        let resultPath = resultPath(id)
        let previous = try await BlockingThreads.run { Array(try FileSystem.read(resultPath).utf8) }
        let bridge = try await foundNetworks().bridge
        try await bridge.check(id, namespace: namespacePath(id), interface: Self.interface, previous: previous)
    }

    /// Takes the container off the network and removes its namespace; what is gone already is fine.
    ///
    /// The address goes back to the daemon, the interfaces and firewall rules go away. Where a plugin fails, the rest is
    /// still done before its error is thrown.
    public func detach(_ id: String) async throws {
        try Self.checkID(id)
        var failure: (any Error)?
        do {
            try await undo(id)
        } catch {
            failure = error
        }
        let directory = directory(id)
        let path = namespacePath(id)
        try await BlockingThreads.run {
            try NetworkNamespace.deleteNow(at: path)
            try FileSystem.removeDirectory(directory)
        }
        if let failure { throw failure }
    }

    /// The ids that have a directory here, attached or half so.
    public func attachedIDs() async throws -> [String] {
        let directory = directory
        return try await BlockingThreads.run { try FileSystem.names(in: directory) }
    }

    /// Removes firewall rules of containers that are none of `ids`: what a lost namespace left. Returns whose they were.
    @discardableResult
    public func sweep(keeping ids: Set<String>) async throws -> [String] {
        try await MasqueradeRules.sweep(network: CNIConfiguration.networkName) { !ids.contains($0) }
    }

    /// Removes what ``prepare()`` made: the bridge and the directory of namespaces. All containers must be detached.
    public func teardown() async throws {
        try await Bridge.remove(configuration.bridge)
        try await NetworkNamespace.removeDirectory(directory)
    }

    // MARK: Steps

    /// How far an attachment has come.
    private enum State: Sendable {
        /// No namespace.
        case missing
        /// A namespace without `eth0`.
        case empty
        /// `eth0` is there, and the plugin did not finish; or it was there once.
        case partial
        /// ADD finished, and the address is still there.
        case attached(CNIResult)
    }

    private func state(_ id: String) async throws -> State {
        try Self.checkID(id)
        let path = namespacePath(id)
        let resultPath = resultPath(id)
        return try await BlockingThreads.run {
            guard try NetworkNamespace.existsNow(at: path) else { return .missing }
            var session = RouteSession(try KernelNetlinkSocket(namespace: path))
            let result = try? CNIResult(text: FileSystem.read(resultPath))
            let given = result?.address(of: Self.interface)
            guard let link = try session.link(named: Self.interface) else {
                // Loopback only has no such interface; where one had been given, it was deleted.
                guard let result else { return .empty }
                return given == nil ? .attached(result) : .partial
            }
            guard let result, let given else { return .partial }
            let present = try session.addresses(of: link).contains { $0.address == given.address }
            return present ? .attached(result) : .partial
        }
    }

    /// CNI's DEL, and what it leaves behind: the bridge plugin frees firewall rules only for addresses that it still finds
    /// on `eth0`.
    private func undo(_ id: String) async throws {
        let before = try await state(id)
        let path = namespacePath(id)
        let resultPath = resultPath(id)
        let namespace: String? = if case .missing = before { nil } else { path }
        let previous = try await BlockingThreads.run { try? Array(FileSystem.read(resultPath).utf8) }
        /// Repeatable: DEL of what is gone succeeds.
        func delete() async throws {
            let bridge = try await foundNetworks().bridge
            try await bridge.delete(id, namespace: namespace, interface: Self.interface, previous: previous)
        }
        var failure: (any Error)?
        do {
            try await delete()
        } catch {
            failure = error
        }
        var pluginFreedRules = false
        if case .attached = before { pluginFreedRules = failure == nil }
        if !pluginFreedRules {
            try await MasqueradeRules.remove(network: CNIConfiguration.networkName, containerID: id)
        }
        let isHanging = (failure as? NetworkError)?.code == .deadlineExceeded
        if failure != nil, !isHanging {
            // It stumbles over rules that an ADD killed half-way did not come to make. With all of them gone it does not.
            do {
                try await delete()
                failure = nil
            } catch {
                failure = error
            }
        }
        try await BlockingThreads.run { try FileSystem.remove(resultPath) }
        if let failure { throw failure }
    }

    private func attachment(_ id: String, _ address: CNIResult.Address) -> NetworkAttachment {
        NetworkAttachment(
            id: id,
            namespacePath: namespacePath(id),
            address: address.address,
            gateway: address.gateway ?? configuration.subnet.gateway
        )
    }

    /// Finds the plugins and the version they have in common; an answer is kept, a failure is not.
    private func foundNetworks() async throws -> Networks {
        if let found = networks.withLock({ $0 }) { return found }
        let paths = configuration.pluginPaths
        let names = ["bridge", "loopback", CNIConfiguration.ipamPlugin]
        let timeout = configuration.pluginTimeout
        let plugins = try await BlockingThreads.run {
            try names.map { CNIPlugin(name: $0, path: try CNIPluginPaths.find($0, in: paths), timeout: timeout) }
        }
        let versions = try await withThrowingTaskGroup(of: (Int, Set<CNIVersion>).self) { group in
            for (index, plugin) in plugins.enumerated() {
                group.addTask { (index, try await plugin.supportedVersions(pluginPaths: paths)) }
            }
            var versions = [Set<CNIVersion>](repeating: [], count: plugins.count)
            for try await (index, answer) in group { versions[index] = answer }
            return versions
        }
        let version = try CNIPlugin.commonVersion(of: zip(names, versions).map { (name: $0, versions: $1) })
        logger.debug("found CNI plugins", metadata: ["stellar.cni.version": "\(version.rawValue)"])
        let bridge = CNIConfiguration.bridge(
            .init(
                name: configuration.bridge,
                nodeID: configuration.nodeID,
                peerAddress: configuration.peerAddress,
                socket: configuration.socket
            )
        )
        let found = Networks(
            loopback: CNINetwork(plugin: plugins[1], configuration: .loopback, version: version, pluginPaths: paths),
            bridge: CNINetwork(plugin: plugins[0], configuration: bridge, version: version, pluginPaths: paths)
        )
        networks.withLock { $0 = found }
        return found
    }

    /// Ids become names of directories and reach plugins by environment.
    private static func checkID(_ id: String) throws {
        let allowed = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, let first = id.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"),
            id.utf8.count <= maximumIDBytes
        else { throw NetworkError(.invalidArgument, "\"\(id)\" is not a container id") }
    }

    /// containerd's limit on identifiers.
    private static let maximumIDBytes = 76
}
