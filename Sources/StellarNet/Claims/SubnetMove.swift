public import StellarCore

/// Decides when a node's containers must move, because its host uses another subnet.
///
/// ## Design
/// The host changes first, then the containers move, then the disk records the subnet that they are on. A daemon that dies
/// in between finds the former subnet on its disk, and moves the containers at its next start.
public struct SubnetMove: Sendable, Hashable {
    /// The subnet of bridge, firewall, nameserver and addresses; nil before the host has one.
    public private(set) var hostSubnet: IPv4Subnet?
    /// The containers' subnet, as recorded on the disk; nil before the first.
    public private(set) var recorded: IPv4Subnet?
    /// Whether the containers must move to ``hostSubnet``.
    public private(set) var isPending = false

    /// - Parameter recorded: from the disk.
    public init(recorded: IPv4Subnet? = nil) {
        self.recorded = recorded
    }

    /// The host uses `subnet` from now on.
    ///
    /// - Parameter droppedAddresses: Whether containers had addresses outside of `subnet`.
    /// - Returns: whether the containers must move.
    @discardableResult
    public mutating func hostUses(_ subnet: IPv4Subnet, droppedAddresses: Bool) -> Bool {
        hostSubnet = subnet
        let mustMove = droppedAddresses || (recorded ?? subnet) != subnet
        if mustMove { isPending = true }
        return mustMove
    }

    /// The containers are on ``hostSubnet``.
    public mutating func containersMoved() {
        isPending = false
    }

    /// The subnet to record on the disk; nil while containers must move, and when the disk has it.
    public var unrecorded: IPv4Subnet? {
        isPending || hostSubnet == recorded ? nil : hostSubnet
    }

    /// The disk has `subnet`.
    public mutating func wasRecorded(_ subnet: IPv4Subnet) {
        recorded = subnet
    }
}
