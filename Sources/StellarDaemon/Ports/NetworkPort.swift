import StellarCore

/// What the reconcile driver needs of the host's network. ``HostNetwork`` is its adapter; tests fail any call of a fake.
///
/// Every call is safe to repeat.
protocol NetworkPort: Sendable {
    /// The path that the container's network namespace has, or will have.
    func namespacePath(_ id: ContainerID) -> String
    func makeNamespace(_ id: ContainerID) async throws
    /// Connects the namespace, through CNI, and returns its address; loopback alone has none.
    func attach(_ id: ContainerID, loopbackOnly: Bool) async throws -> IPv4Address?
    /// Whether the namespace exists and is connected: false after a reboot.
    func isAttached(_ id: ContainerID) async throws -> Bool
    /// The address that a connected namespace has; nil without one.
    func address(_ id: String) async throws -> IPv4Address?
    /// Disconnects the container (CNI DEL) and deletes its namespace.
    func detach(_ id: String) async throws
    /// The ids that have a namespace.
    func attachedIDs() async throws -> [String]
}
