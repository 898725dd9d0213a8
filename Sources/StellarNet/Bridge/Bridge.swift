public import StellarCore

/// The node's bridge: the switch its containers are plugged into, holding the gateway's address.
public enum Bridge {
    /// Makes the bridge `name` if it is missing, gives it the address and takes every other IPv4 address off it, and
    /// switches it on. Called again it changes nothing.
    ///
    /// - Throws: ``NetworkError`` `failedPrecondition` when an interface of that name is no bridge: it may be the host's
    ///   own network card.
    public static func ensure(_ name: String, address: IPv4Address, prefixLength: Int) async throws {
        try await RouteSession.open { session in
            let bridge = try find(name, in: &session) ?? session.createBridge(name)
            let present = try session.addresses(of: bridge)
            // The new address first: the kernel drops a network's routes with its last address.
            if !present.contains(where: { $0.address == address && $0.prefixLength == prefixLength }) {
                try session.addAddress(address, prefixLength: prefixLength, to: bridge)
            }
            for other in present where other.address != address || other.prefixLength != prefixLength {
                try session.deleteAddress(other)
            }
            // Removing a primary address takes its secondaries along, ours among them where both were in one network.
            let left = try session.addresses(of: bridge)
            if !left.contains(where: { $0.address == address && $0.prefixLength == prefixLength }) {
                try session.addAddress(address, prefixLength: prefixLength, to: bridge)
            }
            if !bridge.isUp { try session.setUp(bridge) }
        }
    }

    /// Removes the bridge; a missing one is fine, an interface of that name that is no bridge is left alone.
    public static func remove(_ name: String) async throws {
        try await RouteSession.open { session in
            guard let bridge = try find(name, in: &session) else { return }
            try session.delete(bridge)
        }
    }

    private static func find(_ name: String, in session: inout RouteSession) throws -> Link? {
        guard let link = try session.link(named: name) else { return nil }
        guard link.kind == "bridge" else {
            throw NetworkError(
                .failedPrecondition,
                "interface \(name) exists and is not a bridge but \(link.kind ?? "a hardware interface"); "
                    + "rename or remove it, or choose another bridge name"
            )
        }
        return link
    }
}
