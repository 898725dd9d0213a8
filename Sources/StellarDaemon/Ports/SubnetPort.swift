import StellarCore
import StellarNet

/// What ``NodeNetwork`` needs of the host: all that follows from the node's subnet, and the ways to those of others.
/// ``HostSubnet`` is the real one.
///
/// Every call is safe to repeat.
protocol SubnetPort: Sendable {
    /// Why the host is not ready for containers, as far as the last attempt could tell.
    var problem: String? { get }
    /// Bridge, gateway's address, firewall.
    ///
    /// - Throws: `NetworkError`.
    func use(_ subnet: IPv4Subnet) async throws
    /// Puts back what somebody took away of it.
    ///
    /// - Throws: `NetworkError`.
    func lookAround() async throws
    /// Largest packet of the interface that the address is on, in bytes; nil where it is on none.
    ///
    /// - Throws: `NetworkError`.
    func linkMTU(at address: IPv4Address) async throws -> UInt32?
    /// Routes, and the device with its neighbours.
    ///
    /// - Throws: `NetworkError`.
    func apply(_ plan: OverlayPlan) async throws -> Overlay.Outcome
    /// Largest packet of the bridge and of all containers, in bytes; nil leaves it to the kernel.
    ///
    /// - Parameter isRenewed: what is there is not as it was left.
    func setMTU(_ mtu: UInt32?, isRenewed: Bool) async throws
    /// Answers names on the subnet's gateway, and nowhere else.
    func serveNames(on subnet: IPv4Subnet) async
    /// Goes on answering them, until cancelled.
    func run() async
}
