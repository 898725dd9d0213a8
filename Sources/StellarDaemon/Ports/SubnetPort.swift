import StellarCore
import StellarNet

/// What ``NodeNetwork`` needs of the host: all that follows from the node's subnet, and the routes to other nodes' subnets.
/// ``HostSubnet`` is its adapter.
///
/// Every call is safe to repeat.
protocol SubnetPort: Sendable {
    /// Why the host is not ready for containers, after the last attempt; nil when it is.
    var problem: String? { get }
    /// Sets up the bridge, the gateway's address and the firewall.
    ///
    /// - Throws: `NetworkError`.
    func use(_ subnet: IPv4Subnet) async throws
    /// Restores what was removed of it.
    ///
    /// - Throws: `NetworkError`.
    func repair() async throws
    /// Largest packet of the interface that the address is on, in bytes; nil where it is on none.
    ///
    /// - Throws: `NetworkError`.
    func linkMTU(at address: IPv4Address) async throws -> UInt32?
    /// Applies routes, device and neighbours.
    ///
    /// - Throws: `NetworkError`.
    func apply(_ plan: OverlayPlan) async throws -> Overlay.Outcome
    /// Sets the largest packet of the bridge and of all containers, in bytes; nil leaves it to the kernel.
    ///
    /// - Parameter isRenewed: interfaces changed since the last call, so they are set even if `mtu` is the same.
    func setMTU(_ mtu: UInt32?, isRenewed: Bool) async throws
    /// Serves names on the subnet's gateway, and on no other address.
    func serveNames(on subnet: IPv4Subnet) async
    /// Serves names until cancelled.
    func run() async
}
