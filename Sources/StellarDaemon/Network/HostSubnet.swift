import StellarCore
import StellarNet

/// The host's bridge and firewall, its routes to other nodes, and the nameserver on the bridge.
struct HostSubnet: SubnetPort {
    var network: ContainerNetwork
    var nameserver: NodeNameserver

    var problem: String? { network.problem }

    func use(_ subnet: IPv4Subnet) async throws { try await network.use(subnet) }

    func repair() async throws { try await network.repair() }

    func linkMTU(at address: IPv4Address) async throws -> UInt32? { try await Overlay.linkMTU(at: address) }

    func apply(_ plan: OverlayPlan) async throws -> Overlay.Outcome {
        try await Overlay(bridge: network.configuration.bridge).apply(plan)
    }

    func setMTU(_ mtu: UInt32?, isRenewed: Bool) async throws {
        try await network.setMTU(mtu, isRenewed: isRenewed)
    }

    func serveNames(on subnet: IPv4Subnet) async { await nameserver.use(subnet) }

    func run() async { await nameserver.run() }
}
