import FoundationEssentials
import StellarCore
import Testing

@testable import StellarNet

struct CNIResultTests {
    @Test func resultsOfAllVersionsDecode() throws {
        // The output of the bridge plugin of containernetworking-plugins 1.1.1 for 0.3.1, 0.4.0 (the same) and 1.0.0.
        let named = """
            {"cniVersion": "0.3.1", "interfaces": [
              {"name": "stellar0", "mac": "aa:bb:cc:dd:ee:01"}, {"name": "veth1", "mac": "aa:bb:cc:dd:ee:02"},
              {"name": "eth0", "mac": "aa:bb:cc:dd:ee:03", "sandbox": "/run/stellar/ns/a/net"}],
             "ips": [{"version": "4", "interface": 2, "address": "172.16.0.2/22", "gateway": "172.16.0.1"},
                     {"version": "6", "interface": 2, "address": "fd00::2/64"}],
             "routes": [{"dst": "0.0.0.0/0", "gw": "172.16.0.1"}], "dns": {}}
            """
        for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0"] {
            var text = named.replacing("\"0.3.1\"", with: "\"\(version)\"")
            if version == "1.0.0" { text = text.replacing("\"version\": \"4\", ", with: "") }
            let result = try CNIResult(text: text)
            #expect(result.version.rawValue == version)
            #expect(result.interfaces.count == 3)
            #expect(result.addresses.count == 1)
            let address = try #require(result.address(of: "eth0"))
            #expect(address.address == IPv4Address(172, 16, 0, 2))
            #expect(address.prefixLength == 22)
            #expect(address.gateway == IPv4Address(172, 16, 0, 1))
            #expect(result.address(of: "eth1") == nil)
            // The host's own interfaces do not count.
            #expect(result.address(of: "stellar0") == nil)
        }
        let old = try CNIResult(text: #"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24","gateway":"10.0.0.1"}}"#)
        #expect(old.address(of: "eth0")?.address == IPv4Address(10, 0, 0, 2))
    }

    @Test(arguments: [
        "", "null", "[]", "{", "hello", #"{"cniVersion":"9.9.9"}"#,
        #"{"cniVersion":"0.3.1","ips":[{"address":"10.0.0.2"}]}"#,
        #"{"cniVersion":"0.3.1","ips":[{"address":"10.0.0.2/33"}]}"#, #"{"cniVersion":"0.3.1","ips":[{}]}"#,
        #"{"cniVersion":"0.3.1","ips":{}}"#,
    ])
    func garbageIsAnError(text: String) {
        #expect(throws: (any Error).self) { try CNIResult(text: text) }
    }

    @Test func aResultMayHaveNoAddress() throws {
        #expect(try CNIResult(text: #"{"cniVersion":"0.3.1"}"#).address(of: "eth0") == nil)
    }

    @Test func configurationsEncode() throws {
        let configuration = CNIConfiguration.bridge(
            .init(
                name: "stellar0",
                nodeID: "n1<&>\"",
                peerAddress: "10.0.0.1:9000",
                socket: "/run/stellar/stellar.sock"
            )
        )
        let text = String(decoding: try configuration.encoded(version: .v0_3_1), as: UTF8.self)
        #expect(
            text == #"{"bridge":"stellar0","cniVersion":"0.3.1","hairpinMode":true,"ipMasq":false,"ipam":"#
                + #"{"node_name":"n1<&>\"","peer_addr":"10.0.0.1:9000","socket":"/run/stellar/stellar.sock","type":"stellar-cni-ipam"},"#
                + #""isGateway":true,"name":"stellar","type":"bridge"}"#
        )
        let previous = Array(#"{"cniVersion":"1.0.0"}"#.utf8)
        let second = String(decoding: try configuration.encoded(version: .v1_0_0, previous: previous), as: UTF8.self)
        #expect(second.hasSuffix(#","prevResult":{"cniVersion":"1.0.0"}}"#))
        let loopback = String(decoding: try CNIConfiguration.loopback.encoded(version: .v0_3_1), as: UTF8.self)
        #expect(
            loopback == #"{"cniVersion":"0.3.1","ipam":{"addresses":[{"address":"127.0.0.1/8"}],"type":"static"},"#
                + #""name":"loopback","type":"loopback"}"#
        )
    }

    @Test func bestCommonVersion() throws {
        #expect(
            try CNIPlugin.commonVersion(of: [("a", [.v0_3_1, .v0_4_0, .v1_0_0]), ("b", [.v0_3_1, .v0_4_0])]) == .v0_4_0
        )
        let error = #expect(throws: NetworkError.self) {
            try CNIPlugin.commonVersion(of: [("a", [.v0_1_0, .v0_2_0]), ("b", [.v1_0_0])])
        }
        #expect(error?.message.contains("a: 0.1.0, 0.2.0; b: 1.0.0") == true)
    }

    @Test func mountTableDecodes() {
        let table = MountTable.parse(
            """
            199 198 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            228 199 254:0 /x /run rw,relatime - tmpfs tmpfs rw
            229 199 254:0 /x /with\\040space rw,relatime shared:7 master:2 - tmpfs tmpfs rw
            broken line
            """
        )
        #expect(table.map(\.point) == ["/", "/run", "/with space"])
        #expect(MountTable.mount(holding: "/run/stellar/ns", in: table)?.isShared == false)
        #expect(MountTable.mount(holding: "/runner", in: table)?.isShared == true)
        #expect(MountTable.mount(holding: "/with space/a", in: table)?.isShared == true)
    }
}
