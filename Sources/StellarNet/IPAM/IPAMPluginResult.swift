package import StellarCore

/// What `stellar-cni-ipam` prints after ADD, in the form of the configuration's version (contract section 7): an address with the
/// subnet's prefix length, and the gateway as default route.
package struct IPAMPluginResult: Hashable {
    package var version: CNIVersion
    package var address: IPv4Address
    package var subnet: IPv4Subnet

    /// - Throws: ``IPAMPluginFailure`` when the daemon's responses make no result.
    package init(version: CNIVersion, address: String, subnet: String, nodeID: String) throws {
        guard !subnet.isEmpty else {
            throw IPAMPluginFailure("node \(nodeID) has no subnet; is its daemon running under this node id?")
        }
        guard let parsedSubnet = IPv4Subnet(subnet), parsedSubnet.gateway != nil else {
            throw IPAMPluginFailure(
                "the daemon gave node \(nodeID) the subnet \"\(subnet)\", which is not a subnet with a gateway"
            )
        }
        guard let parsedAddress = IPv4Address(address), parsedSubnet.contains(parsedAddress) else {
            throw IPAMPluginFailure("the daemon gave the address \"\(address)\", which is not in \(subnet)")
        }
        self.version = version
        self.address = parsedAddress
        self.subnet = parsedSubnet
    }

    /// JSON, four spaces to a level. Nothing in it needs escapes.
    package var text: String {
        let gateway = subnet.gateway?.description ?? ""
        let route = #"{ "dst": "0.0.0.0/0", "gw": "\#(gateway)" }"#
        if version <= .v0_2_0 {
            return """
                {
                    "cniVersion": "\(version.rawValue)",
                    "ip4": {
                        "ip": "\(address)/\(subnet.prefixLength)",
                        "gateway": "\(gateway)",
                        "routes": [
                            \(route)
                        ]
                    },
                    "dns": {}
                }

                """
        }
        // 1.0.0 removed the member.
        let family = version < .v1_0_0 ? #""version": "4", "# : ""
        return """
            {
                "cniVersion": "\(version.rawValue)",
                "ips": [
                    { \(family)"address": "\(address)/\(subnet.prefixLength)", "gateway": "\(gateway)" }
                ],
                "routes": [
                    \(route)
                ],
                "dns": {}
            }

            """
    }

    /// What VERSION prints.
    package static var versionText: String {
        let versions = CNIVersion.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        return #"{"cniVersion":"\#(CNIVersion.v1_0_0.rawValue)","supportedVersions":[\#(versions)]}"# + "\n"
    }
}
