import Glibc
public import StellarCore

/// Which of this host's addresses the others should use.
public enum AddressDetection {
    /// One address of one interface.
    public struct Candidate: Sendable, Hashable {
        /// The interface's name.
        public var interface: String
        /// Its address.
        public var address: IPv4Address
        /// The interface is up.
        public var isUp: Bool

        /// A candidate.
        public init(interface: String, address: IPv4Address, isUp: Bool = true) {
            self.interface = interface
            self.address = address
            self.isUp = isUp
        }
    }

    /// Used when no interface has an address that others could reach.
    public static let fallback = "127.0.0.1"

    /// The first address, in the kernel's order of interfaces, that others can reach: of an interface that is up, not
    /// loopback (127/8) nor link-local (169.254/16, RFC 3927), and not of a bridge or pair that containers hang on.
    ///
    /// - Parameters:
    ///   - interface: Only of this interface.
    ///   - excluding: Names of interfaces to pass over, such as the daemon's own bridge.
    public static func choose(
        from candidates: [Candidate],
        interface: String? = nil,
        excluding: Set<String> = []
    ) -> String {
        let found = candidates.first { candidate in
            if let interface { return candidate.interface == interface }
            return candidate.isUp && isGlobal(candidate.address) && !excluding.contains(candidate.interface)
                && !virtualPrefixes.contains { candidate.interface.hasPrefix($0) }
        }
        return found.map { $0.address.description } ?? fallback
    }

    /// Names that container engines give to the host's side of their networks.
    private static let virtualPrefixes = ["docker", "br-", "cni", "veth", "virbr", "flannel", "stellar"]

    private static func isGlobal(_ address: IPv4Address) -> Bool {
        let octets = address.octets
        return octets[0] != 127 && octets[0] != 0 && !(octets[0] == 169 && octets[1] == 254)
    }

    /// This host's IPv4 addresses, in the kernel's order (getifaddrs(3)).
    public static func candidates() -> [Candidate] {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&head) == 0 else { return [] }
        defer { freeifaddrs(head) }
        var candidates: [Candidate] = []
        var next = head
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else { continue }
            let raw = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
            candidates.append(
                Candidate(
                    interface: String(cString: entry.ifa_name),
                    address: IPv4Address(rawValue: UInt32(bigEndian: raw)),
                    isUp: entry.ifa_flags & UInt32(IFF_UP) != 0
                )
            )
        }
        return candidates
    }

    /// The host name (gethostname(2)), or `localhost` where there is none.
    public static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let name = String(decoding: bytes, as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }
}
