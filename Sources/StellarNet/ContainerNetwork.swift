public import Logging
public import StellarCore
import StellarSystem
import Synchronization

/// Gives containers their network namespaces and joins them to the node's bridge through CNI.
///
/// Every operation may be repeated after a crash at any instant: it finishes or undoes what an earlier one left. Operations
/// on one id must not overlap; those on several may.
///
/// The result of CNI's ADD is beside a container's namespace (`<state>/ns/<id>/result`). It is written last, so an attachment
/// without it is unfinished.
public final class ContainerNetwork: Sendable {
    /// The interface in the container.
    static let interface = "eth0"

    public let configuration: ContainerNetworkConfiguration
    private let logger: Logger
    private let networks = Mutex<CNINetworks?>(nil)
    private let place: Mutex<Place>
    /// Held while the host is prepared or repaired.
    private let turn = KeyedLock<Int>()
    private let lastProblem = Mutex<String?>(nil)

    /// The node's subnet and packet size, which change at runtime.
    private struct Place {
        var subnet: IPv4Subnet?
        var mtu: UInt32?
        var isPrepared = false
    }

    public init(_ configuration: ContainerNetworkConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        place = Mutex(Place(subnet: configuration.subnet))
    }

    private var isPrepared: Bool { place.withLock { $0.isPrepared } }

    /// The node's subnet; nil while it has none.
    public var subnet: IPv4Subnet? { place.withLock { $0.subnet } }

    private func requireSubnet() throws -> IPv4Subnet {
        if let subnet { return subnet }
        throw NetworkError(.unavailable, "node \(configuration.nodeID) has no subnet yet; try again in a moment")
    }

    /// Sets the node's subnet. After another one, the bridge changes its address and the firewall its rules, and the containers
    /// must be attached again.
    public func use(_ subnet: IPv4Subnet) async throws {
        place.withLock { place in
            if place.subnet != subnet { (place.subnet, place.isPrepared) = (subnet, false) }
        }
        try await noting {
            try await self.prepareHost()
            _ = try await self.foundNetworks()
        }
    }

    /// Sets the largest packet, in bytes, of the bridge and of all containers, running ones too; nil leaves it to the kernel.
    ///
    /// - Parameter isRenewed: interfaces changed since the last call, so they are set even if `mtu` is the same.
    public func setMTU(_ mtu: UInt32?, isRenewed: Bool = false) async throws {
        let isNew = place.withLock { place in
            defer { place.mtu = mtu }
            return place.mtu != mtu || isRenewed
        }
        guard isNew else { return }
        networks.withLock { $0 = nil }
        let (bytes, bridge) = (mtu ?? Self.ordinaryMTU, configuration.bridge)
        let namespaces = try await attachedIDs().map(namespacePath)
        try await RouteSession.open { session in
            guard let link = try session.link(named: bridge) else { return }
            for port in try session.links() where port.master == link.index && port.mtu != bytes {
                try session.setMTU(of: port, to: bytes)
            }
            if link.mtu != bytes { try session.setMTU(of: link, to: bytes) }
            for namespace in namespaces {
                // A namespace that is deleted meanwhile is skipped.
                guard var inside = try? RouteSession(namespace: namespace),
                    let link = try inside.link(named: Self.interface), link.mtu != bytes
                else { continue }
                try inside.setMTU(of: link, to: bytes)
            }
        }
    }

    /// Ethernet's, which the kernel gives a new interface.
    private static let ordinaryMTU: UInt32 = 1500

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

    /// Prepares what all containers share: the directory of namespaces, the bridge with the gateway's address, forwarding, the
    /// rules of the firewall. Ends plugins of a killed daemon, and throws for a missing plugin before a container needs it.
    ///
    /// Where it throws, the daemon may go on: each attach retries what was not done.
    public func prepare() async throws {
        let directory = directory
        let orphans = try await BlockingThreads.run { try OrphanedPlugins.end(under: directory) }
        if orphans > 0 { logger.info("ended plugins of an earlier run", metadata: ["stellar.count": "\(orphans)"]) }
        try await noting {
            if self.subnet != nil { try await self.prepareHost() }
            _ = try await self.foundNetworks()
        }
    }

    /// Why containers cannot join the network, after the last attempt; nil when they can.
    public var problem: String? {
        lastProblem.withLock { $0 }
    }

    private func noting<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            let result = try await body()
            lastProblem.withLock { $0 = nil }
            return result
        } catch {
            if let error = error as? NetworkError { lastProblem.withLock { $0 = error.message } }
            throw error
        }
    }

    private func prepareHost() async throws {
        guard !isPrepared else { return }
        try await turn.withUncancelledLock(0) {
            guard !isPrepared else { return }
            let subnet = try requireSubnet()
            let (bridge, directory) = (bridge(subnet), directory)
            try await BlockingThreads.run {
                try NetworkNamespace.prepareDirectoryNow(directory)
                var session = try RouteSession()
                try bridge.ensure(in: &session)
                try PacketForwarding.enable()
            }
            try await firewall(subnet).ensure()
            place.withLock { place in
                if place.subnet == subnet { place.isPrepared = true }
            }
        }
    }

    /// Restores what was removed of what ``prepare()`` made: bridge, address, firewall rules.
    ///
    /// It costs one short process, as the firewall is read through iptables.
    public func repair() async throws {
        guard let subnet else { return }
        try await noting {
            try await self.prepareHost()
            try await self.bridge(subnet).ensure()
            let changed = try await self.turn.withUncancelledLock(0) { try await self.firewall(subnet).ensure() }
            if changed { self.logger.warning("missing firewall rules restored") }
            _ = try await self.foundNetworks()
        }
    }

    private func firewall(_ subnet: IPv4Subnet) -> Firewall {
        let network = configuration.network ?? subnet
        return Firewall(rules: NodeFirewall(bridge: configuration.bridge, subnet: subnet, network: network))
    }

    private func bridge(_ subnet: IPv4Subnet) -> Bridge {
        Bridge(configuration.bridge, subnet: subnet, network: configuration.network)
    }

    /// Makes the container's namespace, with loopback up, and returns its path. Keeps an existing one.
    ///
    /// ``attach(_:loopbackOnly:)`` does this first; called before it, a task can be created while CNI works.
    @discardableResult
    public func makeNamespace(_ id: String) async throws -> String {
        try Self.checkID(id)
        let path = namespacePath(id)
        let result = resultPath(id)
        if !isPrepared { try await noting { try await self.prepareHost() } }
        try await BlockingThreads.run {
            // A result without its namespace is from before a reboot.
            if try !NetworkNamespace.existsNow(at: path) { try FileSystem.remove(result) }
            try NetworkNamespace.createNow(at: path)
        }
        return path
    }

    /// Joins the container to the network; called again, it returns the same attachment.
    ///
    /// - Parameter loopbackOnly: a namespace with nothing but loopback.
    /// - Throws: ``NetworkError``; what was done is then undone by ``detach(_:)``, or finished by another attach.
    public func attach(_ id: String, loopbackOnly: Bool = false) async throws -> NetworkAttachment {
        let path = try await makeNamespace(id)
        let networks = try await noting { try await self.foundNetworks() }
        if loopbackOnly {
            let (_, text) = try await networks.loopback.add(id, namespace: path, interface: "lo")
            try await keep(text, of: id)
            return NetworkAttachment(id: id, namespacePath: path)
        }
        switch try await state(id) {
        case .attached(let result):
            if let address = result.address(of: Self.interface), try await isWhole(id) {
                return attachment(id, address)
            }
            if let failure = try await undo(id) { throw failure }
        case .partial:
            if let failure = try await undo(id) { throw failure }
        case .missing, .empty:
            break
        }
        let bridge = bridge(try requireSubnet())
        // The bridge or its address may have been removed since the last attach.
        try await noting { try await bridge.ensure() }
        // They change different interfaces, so they run side by side.
        async let loopback = networks.loopback.add(id, namespace: path, interface: "lo")
        let (result, text) = try await networks.bridge.add(id, namespace: path, interface: Self.interface)
        _ = try await loopback
        guard let address = result.address(of: Self.interface) else {
            throw NetworkError(
                .internalError,
                "no ips returned from cni: plugin \(networks.bridge.plugin.path) gave \(Self.interface) of \(id) no IPv4 "
                    + "address; \(CNIPluginPaths.remedy(networks.bridge.plugin.name))"
            )
        }
        try await keep(text, of: id)
        return attachment(id, address)
    }

    /// Whether CNI's CHECK finds the attachment as ADD left it. It takes as long as ADD, so it runs only before another ADD.
    private func isWhole(_ id: String) async throws -> Bool {
        do {
            try await verify(id)
            return true
        } catch let error as NetworkError {
            logger.warning(
                "container is not joined as before; joining it again",
                metadata: ["stellar.id": "\(id)", "reason": "\(error.message)"]
            )
            return false
        }
    }

    /// Whether the container's namespace exists and `eth0` in it has its address, or the attachment is loopback only. False
    /// after a reboot, where the file exists and the namespace does not.
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

    /// Removes the container from the network, and its namespace; missing parts are fine. Its processes must have ended.
    ///
    /// A plugin that fails is logged, and the rest is removed without it: the interfaces go with the namespace. Then only the
    /// address stays allocated, which the caller frees in any case.
    public func detach(_ id: String) async throws {
        try Self.checkID(id)
        var failure: (any Error)?
        do {
            if let reason = try await undo(id) {
                logger.warning(
                    "CNI plugin failed; the container was removed from the network without it",
                    metadata: ["stellar.id": "\(id)", "reason": "\(reason)"]
                )
            }
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

    /// The ids that have a directory, attached or partly so.
    public func attachedIDs() async throws -> [String] {
        let directory = directory
        return try await BlockingThreads.run { try FileSystem.names(in: directory) }
    }

    /// Removes what ``prepare()`` made: the bridge, the rules, the directory of namespaces. All containers must be detached.
    public func teardown() async throws {
        if let subnet {
            try await bridge(subnet).remove()
            try await firewall(subnet).remove()
        }
        try await NetworkNamespace.removeDirectory(directory)
    }

    // MARK: Steps

    /// How much of an attachment exists.
    private enum State: Sendable {
        /// No namespace.
        case missing
        /// A namespace without `eth0`.
        case empty
        /// `eth0` exists and ADD did not finish; or `eth0` was deleted.
        case partial
        /// ADD finished, and `eth0` has the address.
        case attached(CNIResult)
    }

    private func state(_ id: String) async throws -> State {
        try Self.checkID(id)
        let path = namespacePath(id)
        let resultPath = resultPath(id)
        return try await BlockingThreads.run {
            guard try NetworkNamespace.existsNow(at: path) else { return .missing }
            var session = try RouteSession(namespace: path)
            let result = try? CNIResult(text: FileSystem.read(resultPath))
            let given = result?.address(of: Self.interface)
            guard let link = try session.link(named: Self.interface) else {
                // A loopback-only attachment has no `eth0`; of another one it was deleted.
                guard let result else { return .empty }
                return given == nil ? .attached(result) : .partial
            }
            guard let result, let given else { return .partial }
            let present = try session.addresses(of: link).contains { $0.address == given.address }
            return present ? .attached(result) : .partial
        }
    }

    /// Runs CNI's DEL. Returns the plugin's failure.
    private func undo(_ id: String) async throws -> NetworkError? {
        let path = namespacePath(id)
        let resultPath = resultPath(id)
        let (namespace, previous) = try await BlockingThreads.run {
            (
                try NetworkNamespace.existsNow(at: path) ? path : nil,
                try? Array(FileSystem.read(resultPath).utf8)
            )
        }
        var failure: NetworkError?
        do {
            let bridge = try await foundNetworks().bridge
            try await bridge.delete(id, namespace: namespace, interface: Self.interface, previous: previous)
        } catch let error as NetworkError {
            failure = error
        }
        try await BlockingThreads.run { try FileSystem.remove(resultPath) }
        return failure
    }

    /// Stores the result of ADD, which completes the attachment.
    private func keep(_ result: [UInt8], of id: String) async throws {
        let path = resultPath(id)
        try await BlockingThreads.run { try FileSystem.replace(path, with: result) }
    }

    private func attachment(_ id: String, _ address: CNIResult.Address) -> NetworkAttachment {
        NetworkAttachment(
            id: id,
            namespacePath: namespacePath(id),
            address: address.address,
            gateway: address.gateway ?? subnet?.gateway
        )
    }

    /// The plugins: searched once, and again when one is missing.
    private func foundNetworks() async throws -> CNINetworks {
        if let known = networks.withLock({ $0 }), try await BlockingThreads.run({ known.areInstalled }) { return known }
        let found = try await CNINetworks.find(for: configuration, mtu: place.withLock { $0.mtu })
        logger.debug("found CNI plugins", metadata: ["stellar.cni.version": "\(found.bridge.version.rawValue)"])
        networks.withLock { $0 = found }
        return found
    }

    /// Ids become names of directories and values in the environment of plugins.
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
        else {
            throw NetworkError(
                .invalidArgument,
                "\"\(id)\" is not a container id: 1 to \(maximumIDBytes) letters, digits, \".\", \"_\" and \"-\", beginning with "
                    + "a letter, a digit or \"_\""
            )
        }
    }

    /// containerd's limit on identifiers.
    private static let maximumIDBytes = 76
}
