import StellarCore
import StellarNet

/// The host's network, through ``ContainerNetwork``.
struct HostNetwork: NetworkPort {
    var network: ContainerNetwork
    var nodeNetwork: NodeNetwork

    func namespacePath(_ id: ContainerID) -> String { network.namespacePath(id.description) }

    func makeNamespace(_ id: ContainerID) async throws {
        try await network.makeNamespace(id.description)
    }

    func attach(_ id: ContainerID, loopbackOnly: Bool) async throws -> IPv4Address? {
        // No container starts on a subnet that may be another node's.
        if !loopbackOnly { try await nodeNetwork.confirmedSubnet() }
        return try await network.attach(id.description, loopbackOnly: loopbackOnly).address
    }

    func isAttached(_ id: ContainerID) async throws -> Bool {
        try await network.check(id.description)
    }

    func address(_ id: String) async throws -> IPv4Address? {
        try await network.attachment(id)?.address
    }

    func detach(_ id: String) async throws {
        try await network.detach(id)
    }

    func attachedIDs() async throws -> [String] {
        try await network.attachedIDs()
    }
}
