/// A DNS record of the cluster's nameserver.
public struct Record: Sendable, Hashable, Codable {
    /// The types it answers for. Raw values are the names people write.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// An IPv4 address (RFC 1035).
        case a = "A"
        /// Another name (RFC 1035).
        case cname = "CNAME"
        /// A mail host (RFC 1035).
        case mx = "MX"
        /// A text (RFC 1035).
        case txt = "TXT"
        /// A service's port (RFC 2782); see ``Record/options``.
        case srv = "SRV"

        /// The type named so, in any case.
        public init?(name: String) {
            self.init(rawValue: name.uppercased())
        }
    }

    /// What an SRV record says beside its target.
    public struct SRVOptions: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The service, without its underscore.
        public var service: String
        /// `tcp`, `udp` or `http`, without its underscore.
        public var `protocol`: String
        /// Lower is tried first.
        public var priority: UInt16
        /// The share among equals.
        public var weight: UInt16
        /// The port.
        public var port: UInt16

        /// Makes options.
        public init(service: String, protocol: String, priority: UInt16 = 0, weight: UInt16 = 0, port: UInt16) {
            self.service = service
            self.protocol = `protocol`
            self.priority = priority
            self.weight = weight
            self.port = port
        }

        /// As in the OPTIONS column: `service=web proto=http priority=0 weight=0 port=8080`.
        public var description: String {
            "service=\(service) proto=\(`protocol`) priority=\(priority) weight=\(weight) port=\(port)"
        }
    }

    /// The type.
    public var type: Kind
    /// The owner name, without a final dot, e.g. `example.redis.0.stellar`.
    public var name: String
    /// The value: an address, a name or a text. For SRV the target.
    public var value: String
    /// For SRV only.
    public var options: SRVOptions?

    /// Makes a record.
    public init(type: Kind, name: String, value: String, options: SRVOptions? = nil) {
        self.type = type
        self.name = name
        self.value = value
        self.options = options
    }
}
