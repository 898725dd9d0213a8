import FoundationEssentials
public import StellarCore

/// The result of a plugin's ADD (CNI specification 0.2.0 to 1.0.0, section "Success", earlier "Result").
public struct CNIResult: Sendable, Hashable {
    /// An interface the plugin made.
    public struct Interface: Sendable, Hashable, Codable {
        public var name: String
        /// The hardware address, `aa:bb:cc:dd:ee:ff`.
        public var mac: String?
        /// The namespace's path; nil or empty for an interface of the host.
        public var sandbox: String?
    }

    /// An address that the plugin gave.
    public struct Address: Sendable, Hashable {
        public var address: IPv4Address
        /// The prefix length of the address's network.
        public var prefixLength: Int
        public var gateway: IPv4Address?
        /// The index in ``CNIResult/interfaces`` of the interface with the address.
        public var interface: Int?
    }

    public var version: CNIVersion
    public var interfaces: [Interface]
    /// The IPv4 addresses; others are left out.
    public var addresses: [Address]

    /// The first address of the interface of this name in a sandbox; where the plugin named no interfaces, the first
    /// address.
    public func address(of interface: String) -> Address? {
        addresses.first { address in
            guard let index = address.interface, interfaces.indices.contains(index) else { return true }
            return interfaces[index].name == interface && interfaces[index].sandbox?.isEmpty == false
        }
    }
}

extension CNIResult: Decodable {
    private enum CodingKeys: String, CodingKey {
        case cniVersion, interfaces, ips, ip4
    }

    /// An entry of `ips`: `version` is there before 1.0.0 only.
    private struct Entry: Decodable {
        var address: String
        var gateway: String?
        var interface: Int?
    }

    /// `ip4` of 0.2.0 and before.
    private struct Legacy: Decodable {
        var ip: String
        var gateway: String?
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // A result without a version has the form of the first version.
        let named = try container.decodeIfPresent(String.self, forKey: .cniVersion) ?? CNIVersion.v0_1_0.rawValue
        guard let version = CNIVersion(rawValue: named) else {
            throw DecodingError.dataCorruptedError(
                forKey: .cniVersion,
                in: container,
                debugDescription:
                    "version \(named) is not one of \(CNIVersion.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        self.version = version
        interfaces = try container.decodeIfPresent([Interface].self, forKey: .interfaces) ?? []
        var entries = try container.decodeIfPresent([Entry].self, forKey: .ips) ?? []
        if let legacy = try container.decodeIfPresent(Legacy.self, forKey: .ip4) {
            entries.append(Entry(address: legacy.ip, gateway: legacy.gateway))
        }
        addresses = try entries.compactMap { entry in
            // IPv6 addresses are not used.
            if entry.address.contains(":") { return nil }
            guard let (address, subnet) = IPv4Subnet.parseInterface(entry.address) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .ips,
                    in: container,
                    debugDescription: "\"\(entry.address)\" is not an address with a prefix length"
                )
            }
            return Address(
                address: address,
                prefixLength: subnet.prefixLength,
                gateway: entry.gateway.flatMap { IPv4Address($0) },
                interface: entry.interface
            )
        }
    }
}

extension CNIResult {
    /// Reads a result's JSON text.
    init(text: String) throws {
        self = try JSONDecoder().decode(CNIResult.self, from: Data(text.utf8))
    }
}

/// The error object that a failing plugin prints (CNI specification, section "Error").
public struct CNIPluginError: Sendable, Hashable, Codable, CustomStringConvertible {
    /// 1 to 99 are the specification's, 100 and above the plugin's own.
    public var code: Int
    public var message: String
    public var details: String?

    private enum CodingKeys: String, CodingKey {
        case code, message = "msg", details
    }

    public var description: String {
        let details = details.map { $0.isEmpty ? "" : "; \($0)" } ?? ""
        return "\(message)\(details) (code \(code))"
    }
}
