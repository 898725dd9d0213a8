import StellarCore
import Testing

@testable import StellarNet

private let environment = [
    "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c", "CNI_IFNAME": "eth0", "CNI_PATH": "/x", "CNI_NETNS": "/n",
]
private let netconf =
    #"{"cniVersion":"0.3.1","name":"stellar","ipam":{"type":"x","node_name":"n1","peer_addr":"h:9000"}}"#

private func parse(_ text: String = netconf, _ changes: [String: String?] = [:]) throws -> IPAMPluginRequest {
    var variables = environment
    for (name, value) in changes { variables[name] = value }
    return try IPAMPluginRequest.parse(environment: variables) { Array(text.utf8) }
}

private func failure(_ body: () throws -> IPAMPluginRequest) -> IPAMPluginFailure? {
    #expect(throws: IPAMPluginFailure.self) { try body() }
}

/// The table of contract section 7.
struct IPAMPluginTests {
    @Test func commandsParse() throws {
        guard case .add(let target) = try parse() else {
            Issue.record("must be ADD")
            return
        }
        #expect(target.containerID == "c")
        #expect(target.nodeID == "n1")
        #expect(target.peerAddress == "h:9000")
        #expect(target.socket == nil)
        #expect(target.version == .v0_3_1)
        #expect(try parse("", ["CNI_COMMAND": nil]) == .describe)
        #expect(try parse("", ["CNI_COMMAND": "VERSION", "CNI_PATH": nil]) == .version)
        guard case .delete = try parse(netconf, ["CNI_COMMAND": "DEL", "CNI_NETNS": nil]) else {
            Issue.record("DEL needs no namespace")
            return
        }
        #expect(
            failure { try parse(netconf, ["CNI_COMMAND": "GET"]) }?.text == #"{"code":100,"msg":"not implemented"}"#
        )
        #expect(failure { try parse(netconf, ["CNI_COMMAND": "FLY"]) }?.message == "unknown CNI_COMMAND: FLY")
        #expect(failure { try parse(netconf, ["CNI_COMMAND": "CHECK"]) }?.code == 1)
    }

    @Test(arguments: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH", "CNI_NETNS"]) func aMissingVariableIsNamed(
        name: String
    ) {
        #expect(failure { try parse(netconf, [name: nil]) }?.message == "required env variables [\(name)] missing")
    }

    @Test(arguments: [
        (#"{"cniVersion":"0.3.1","name":"s"}"#, 100, "IPAM config missing 'ipam' key"),
        (#"{"name":"s","ipam":{}}"#, 100, "IPAM config must have node_name and peer_addr"),
        (#"{"name":"s","ipam":{"node_name":"n"}}"#, 100, "IPAM config must have node_name and peer_addr"),
        (#"{"name":"s","ipam":{"peer_addr":"n"}}"#, 100, "IPAM config must have node_name and peer_addr"),
        (#"{"name":"","ipam":{"node_name":"n","peer_addr":"p"}}"#, 100, "missing network name"),
        (#"{"cniVersion":"2.0.0","name":"s"}"#, 1, "incompatible CNI versions"),
    ])
    func invalidConfigurationsAreNamed(text: String, code: Int, message: String) {
        let failure = failure { try parse(text) }
        #expect(failure?.code == code)
        #expect(failure?.message == message)
    }

    @Test(arguments: ["", "{", "[]", "7", "\u{0}"]) func undecodableInputIsAnError(text: String) {
        #expect(failure { try parse(text) }?.message.contains("standard input") == true)
    }

    @Test func resultsHaveTheFormOfTheirVersion() throws {
        func text(_ version: CNIVersion) throws -> String {
            try IPAMPluginResult(version: version, address: "172.16.0.2", subnet: "172.16.0.0/22", nodeID: "n1").text
        }
        #expect(
            try text(.v0_3_1) == """
                {
                    "cniVersion": "0.3.1",
                    "ips": [
                        { "version": "4", "address": "172.16.0.2/22", "gateway": "172.16.0.1" }
                    ],
                    "routes": [
                        { "dst": "0.0.0.0/0", "gw": "172.16.0.1" }
                    ],
                    "dns": {}
                }

                """
        )
        #expect(try text(.v1_0_0).contains("{ \"address\""))
        #expect(try text(.v0_2_0).contains(#""ip": "172.16.0.2/22""#))
        for version in CNIVersion.allCases {
            #expect(try CNIResult(text: text(version)).addresses.first?.address == IPv4Address(172, 16, 0, 2))
        }
    }

    @Test func responsesOfTheDaemonAreChecked() {
        func message(_ address: String, _ subnet: String) -> String? {
            #expect(throws: IPAMPluginFailure.self) {
                try IPAMPluginResult(version: .v0_3_1, address: address, subnet: subnet, nodeID: "n1")
            }?.message
        }
        #expect(message("", "")?.contains("node n1 has no subnet") == true)
        #expect(message("10.0.0.2", "nonsense")?.contains("nonsense") == true)
        #expect(message("10.1.0.2", "10.0.0.0/24")?.contains("10.1.0.2") == true)
        #expect(message("", "10.0.0.0/24") != nil)
    }

    @Test func versionPrintsTheSupportedVersions() {
        #expect(
            IPAMPluginResult.versionText
                == #"{"cniVersion":"1.0.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0"]}"#
                + "\n"
        )
    }
}
