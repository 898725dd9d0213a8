/// A DNS record of the cluster's nameserver.
public struct Record: Sendable, Hashable, Codable {
    /// A record type that the nameserver serves. Raw values are the usual names.
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

        /// The type with this name, in any case; nil for a type that the nameserver does not serve.
        public init?(name: String) {
            self.init(rawValue: name.uppercased())
        }
    }

    /// The fields of an SRV record beside its target (RFC 2782).
    public struct SRVOptions: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The service, without its underscore.
        public var service: String
        /// `tcp`, `udp` or `http`, without its underscore.
        public var `protocol`: String
        /// The priority: clients try lower numbers first.
        public var priority: UInt16
        /// The weight: the share of clients among targets with the same priority.
        public var weight: UInt16
        /// The port of the service.
        public var port: UInt16

        /// Creates the fields.
        public init(service: String, protocol: String, priority: UInt16 = 0, weight: UInt16 = 0, port: UInt16) {
            self.service = service
            self.protocol = `protocol`
            self.priority = priority
            self.weight = weight
            self.port = port
        }

        /// The fields as text: `service=web proto=http priority=0 weight=0 port=8080`.
        public var description: String {
            "service=\(service) proto=\(`protocol`) priority=\(priority) weight=\(weight) port=\(port)"
        }
    }

    /// The type.
    public var type: Kind
    /// The owner name, without a final dot, e.g. `example.redis.0.stellar`.
    public var name: String
    /// The value: an address, a name or a text. For SRV it is the target.
    public var value: String
    /// The other fields of an SRV record; nil for other types.
    public var options: SRVOptions?

    /// Creates a record without checking it; ``validate()`` checks it.
    public init(type: Kind, name: String, value: String, options: SRVOptions? = nil) {
        self.type = type
        self.name = name
        self.value = value
        self.options = options
    }
}
