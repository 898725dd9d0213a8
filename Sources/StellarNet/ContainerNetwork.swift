public import Logging
public import StellarCore
import StellarSystem
import Synchronization

/// Gives containers their network namespaces and joins them to the node's bridge through CNI.
///
/// This file prepares and repairs the host; `ContainerNetwork+Attachments.swift` joins containers.
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
    let logger: Logger
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

    var isPrepared: Bool { place.withLock { $0.isPrepared } }

    /// The node's subnet; nil while it has none.
    public var subnet: IPv4Subnet? { place.withLock { $0.subnet } }

    func requireSubnet() throws -> IPv4Subnet {
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

    func resultPath(_ id: String) -> String {
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

    func noting<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            let result = try await body()
            lastProblem.withLock { $0 = nil }
            return result
        } catch {
            if let error = error as? NetworkError { lastProblem.withLock { $0 = error.message } }
            throw error
        }
    }

    func prepareHost() async throws {
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

    func bridge(_ subnet: IPv4Subnet) -> Bridge {
        Bridge(configuration.bridge, subnet: subnet, network: configuration.network)
    }

    /// Removes what ``prepare()`` made: the bridge, the rules, the directory of namespaces. All containers must be detached.
    public func teardown() async throws {
        if let subnet {
            try await bridge(subnet).remove()
            try await firewall(subnet).remove()
        }
        try await NetworkNamespace.removeDirectory(directory)
    }

    /// The plugins: searched once, and again when one is missing.
    func foundNetworks() async throws -> CNINetworks {
        if let known = networks.withLock({ $0 }), try await BlockingThreads.run({ known.areInstalled }) { return known }
        let found = try await CNINetworks.find(for: configuration, mtu: place.withLock { $0.mtu })
        logger.debug("found CNI plugins", metadata: ["stellar.cni.version": "\(found.bridge.version.rawValue)"])
        networks.withLock { $0 = found }
        return found
    }
}
