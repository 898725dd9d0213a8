import FoundationEssentials
package import StellarCore

/// An error that the plugin prints as a CNI error object.
package struct IPAMPluginFailure: Error, Hashable {
    /// The plugin's own errors begin at 100 (CNI specification, "Error").
    package static let ownCode = 100
    /// "Incompatible CNI version".
    package static let incompatibleVersionCode = 1

    package var code: Int
    package var message: String
    package var details: String?

    package init(_ message: String, code: Int = Self.ownCode, details: String? = nil) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// One line of JSON.
    package var text: String {
        struct Document: Encodable {
            var code: Int
            var msg: String
            var details: String?
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(Document(code: code, msg: message, details: details)) else {
            return #"{"code":\#(code),"msg":"error without text"}"#
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// A command for `stellar-cni-ipam`, from its environment and standard input (CNI specification; contract section 7).
package enum IPAMPluginRequest: Hashable {
    /// No `CNI_COMMAND`: the program was started by hand.
    case describe
    case version
    case add(Target)
    case check(Target)
    case delete(Target)

    /// The container, and the daemon to call.
    package struct Target: Hashable {
        package var version: CNIVersion
        package var containerID: String
        package var nodeID: String
        /// gRPC host:port of the daemon.
        package var peerAddress: String
        /// The daemon's unix socket, preferred to `peerAddress`.
        package var socket: String?
        /// How `peerAddress` is secured.
        package var tls = TLS()
        /// For CHECK: the addresses in the result of ADD; nil without a result.
        package var previous: [IPv4Address]?
    }

    /// The files of sctl's options with these names; without any, the connection is plaintext.
    package struct TLS: Hashable, Decodable {
        package var cert: String?
        package var key: String?
        package var ca: String?
        package var skipVerify: Bool?

        enum CodingKeys: String, CodingKey {
            case cert, key, ca
            case skipVerify = "skip_verify"
        }
    }

    package static let program = CNIConfiguration.ipamPlugin

    /// - Parameters:
    ///   - environment: the process's variables.
    ///   - input: reads standard input; called only where it is needed.
    package static func parse(
        environment: [String: String],
        input: () throws -> [UInt8]
    ) throws -> IPAMPluginRequest {
        guard let command = environment["CNI_COMMAND"], !command.isEmpty else { return .describe }
        switch command {
        case "VERSION":
            return .version
        case "GET":
            throw IPAMPluginFailure("not implemented")
        case "ADD":
            return .add(try target(environment, needing: ["CNI_NETNS"], try input()))
        case "CHECK":
            let target = try target(environment, needing: ["CNI_NETNS"], try input())
            guard target.version >= .v0_4_0 else {
                throw IPAMPluginFailure(
                    "incompatible CNI versions",
                    code: IPAMPluginFailure.incompatibleVersionCode,
                    details: "config is \"\(target.version.rawValue)\", CHECK needs \"0.4.0\" or newer"
                )
            }
            return .check(target)
        case "DEL":
            return .delete(try target(environment, needing: [], try input()))
        default:
            throw IPAMPluginFailure("unknown CNI_COMMAND: \(command)")
        }
    }

    private struct Document: Decodable {
        struct IPAM: Decodable {
            var node_name: String?
            var peer_addr: String?
            var socket: String?
            var tls: TLS

            enum CodingKeys: String, CodingKey { case node_name, peer_addr, socket }

            init(from decoder: any Decoder) throws {
                let values = try decoder.container(keyedBy: CodingKeys.self)
                node_name = try values.decodeIfPresent(String.self, forKey: .node_name)
                peer_addr = try values.decodeIfPresent(String.self, forKey: .peer_addr)
                socket = try values.decodeIfPresent(String.self, forKey: .socket)
                // Its members are beside the others.
                tls = try TLS(from: decoder)
            }
        }

        var cniVersion: String?
        var name: String?
        var ipam: IPAM?
        var prevResult: CNIResult?
    }

    private static func target(
        _ environment: [String: String],
        needing more: [String],
        _ input: [UInt8]
    ) throws -> Target {
        let missing = (["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"] + more).filter { environment[$0]?.isEmpty ?? true }
        guard missing.isEmpty, let containerID = environment["CNI_CONTAINERID"] else {
            throw IPAMPluginFailure("required env variables [\(missing.joined(separator: ","))] missing")
        }
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(input))
        } catch {
            let what = input.isEmpty ? "nothing" : "\(input.count) bytes"
            throw IPAMPluginFailure("cannot decode the network configuration on standard input (\(what)): \(error)")
        }
        // The first version of the specification had no such member.
        let named = document.cniVersion.flatMap { $0.isEmpty ? nil : $0 } ?? CNIVersion.v0_1_0.rawValue
        guard let version = CNIVersion(rawValue: named) else {
            let supported = CNIVersion.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " ")
            throw IPAMPluginFailure(
                "incompatible CNI versions",
                code: IPAMPluginFailure.incompatibleVersionCode,
                details: "config is \"\(named)\", plugin supports [\(supported)]"
            )
        }
        guard document.name?.isEmpty == false else { throw IPAMPluginFailure("missing network name") }
        guard let ipam = document.ipam else { throw IPAMPluginFailure("IPAM config missing 'ipam' key") }
        guard let node = ipam.node_name, let peer = ipam.peer_addr, !node.isEmpty, !peer.isEmpty else {
            throw IPAMPluginFailure("IPAM config must have node_name and peer_addr")
        }
        return Target(
            version: version,
            containerID: containerID,
            nodeID: node,
            peerAddress: peer,
            socket: ipam.socket.flatMap { $0.isEmpty ? nil : $0 },
            tls: ipam.tls,
            previous: document.prevResult?.addresses.map(\.address)
        )
    }
}
