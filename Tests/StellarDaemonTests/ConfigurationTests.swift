import StellarCore
import Testing

@testable import StellarDaemon

@Suite struct ConfigurationTests {
    private func defaults() -> DaemonConfiguration { DaemonConfiguration(hostName: "host", address: "10.0.1.33") }

    private func apply(_ text: String) throws(ConfigurationError) -> DaemonConfiguration {
        var configuration = defaults()
        try ConfigurationFile.apply(Array(text.utf8), name: "f", to: &configuration)
        return configuration
    }

    @Test func printedConfigurationDecodesToTheSame() throws {
        var configuration = defaults()
        configuration.nodeLabels = ["zone": "a", "disk": "ssd"]
        configuration.peers = ["10.0.1.34:7946"]
        configuration.proxyHealthcheckInterval = .milliseconds(1500)
        configuration.cniTimeout = .seconds(90)
        configuration.nameserverClients = ["192.168.0.0/16"]
        (configuration.clusterName, configuration.gossipKey) = ("east", "/etc/stellar/key")
        #expect(try apply(ConfigurationFile.text(configuration)) == configuration)
    }

    @Test func membersAreInTheOrderOfTheOriginalWithItsDefaults() {
        let lines = ConfigurationFile.text(defaults()).split(separator: "\n").map(String.init)
        #expect(lines.first == "{")
        #expect(lines[1] == "    \"NodeID\": \"host\",")
        #expect(lines[2] == "    \"NodeLabels\": null,")
        #expect(lines[3] == "    \"GRPCAddress\": \"10.0.1.33:9000\",")
        #expect(lines.contains("    \"Subnet\": \"172.16.0.0/12\","))
        #expect(lines[lines.count - 8] == "    \"ProxyHealthcheckInterval\": \"5s\",")
        // The new members follow those of the original.
        #expect(lines[lines.count - 7] == "    \"TLSServerClientCA\": \"\",")
    }

    @Test func namesMatchInAnyCaseAndEveryMemberIsOptional() throws {
        #expect(try apply("{}") == defaults())
        #expect(try apply(#"{"nodeid": "x", "BRIDGE": "br9", "Peers": null}"#).bridge == "br9")
    }

    @Test(arguments: [
        (#"{"Bridg": "x"}"#, "f: Bridg: unknown member; did you mean Bridge?"),
        (#"{"NodeID": 3}"#, "f: NodeID: expected a string, found a number (3)"),
        (#"{"Peers": ["a", 3]}"#, "f: Peers[1]: expected a string, found a number (3)"),
        (#"{"NodeLabels": {"a": true}}"#, "f: NodeLabels.a: expected a string, found true"),
        (#"{"ProxyHTTPPort": 70000}"#, "f: ProxyHTTPPort: 70000 is not a port (1-65535)"),
        (#"{"ConnectionType": "wifi"}"#, #"f: ConnectionType: unknown connection type "wifi"; use local, lan or wan"#),
        (
            #"{"ProxyHealthcheckInterval": "5"}"#,
            #"f: ProxyHealthcheckInterval: "5" is not a duration such as 5s or 1m30s"#
        ),
        (#"{"NodeID": "a", "nodeID": "b"}"#, "f: NodeID: given twice"),
        ("[]", "f: expected an object, found a list"),
    ])
    func invalidFilesAreRejectedWithTheReason(_ text: String, _ message: String) {
        let error = #expect(throws: ConfigurationError.self) { try apply(text) }
        #expect(error?.problems == [message])
    }

    @Test func allProblemsAreReportedTogetherAndBrokenJSONWithItsPosition() {
        let both = #expect(throws: ConfigurationError.self) { try apply(#"{"X": 1, "Debug": "yes"}"#) }
        #expect(both?.problems.count == 2)
        let broken = #expect(throws: ConfigurationError.self) { try apply("{\n  \"NodeID\" 3}") }
        #expect(broken?.problems.first?.hasPrefix("f: line 2, column") == true)
    }

    @Test func flagsOfTheReadmeAreApplied() throws {
        var configuration = defaults()
        var flags = ServerFlags()
        (flags.bindAddress, flags.advertiseAddress) = ("10.0.1.40", "10.0.1.41")
        try configuration.apply(flags)
        #expect(configuration.clusterAddress == "10.0.1.40:7946")
        #expect(configuration.advertiseAddress == "10.0.1.41:7946")
        #expect(configuration.grpcAddress == "10.0.1.40:9000")
        #expect(configuration.nodeID == "host")
        (flags.agentAddress, flags.agentPort, flags.bindPort) = ("::1", 9100, 7000)
        (flags.peers, flags.clusterName, flags.gossipKey) = (["ctr-01", "10.0.1.42:7000"], "east", "key")
        try configuration.apply(flags)
        #expect(configuration.grpcAddress == "[::1]:9100")
        #expect(configuration.clusterAddress == "10.0.1.40:7000")
        #expect(configuration.advertiseAddress == "10.0.1.41:7000")
        #expect(configuration.peers == ["ctr-01", "10.0.1.42:7000"])
        #expect((configuration.clusterName, configuration.gossipKey) == ("east", "key"))
        #expect(throws: Never.self) { try configuration.validate() }
    }

    @Test func listeningOnAllAddressesAnnouncesTheDetectedOne() throws {
        var configuration = defaults()
        var flags = ServerFlags()
        flags.bindAddress = "0.0.0.0"
        try configuration.apply(flags)
        #expect(configuration.clusterAddress == "0.0.0.0:7946")
        #expect(configuration.advertiseAddress == "10.0.1.33:7946")
        #expect(configuration.grpcAddress == "0.0.0.0:9000")
        #expect(configuration.announcedAddress == "10.0.1.33:9000")
        #expect(throws: Never.self) { try configuration.validate() }
    }

    @Test func behindANATTheExternalAddressIsAnnounced() throws {
        var configuration = defaults()
        var flags = ServerFlags()
        (flags.bindAddress, flags.advertiseAddress, flags.advertisePort) = ("192.168.0.2", "198.51.100.7", 17946)
        try configuration.apply(flags)
        #expect(configuration.advertiseAddress == "198.51.100.7:17946")
        #expect(configuration.announcedAddress == "198.51.100.7:9000")
        // An own address for the API stays as it is.
        configuration.grpcAddress = "10.9.9.9:9000"
        #expect(configuration.announcedAddress == "10.9.9.9:9000")
    }

    @Test(arguments: [
        ("ClusterAddress", "ctr-00:7946", "is not an IP address"), ("ClusterAddress", "10.0.1.33", "not host:port"),
        ("AdvertiseAddress", "0.0.0.0:7946", "nobody reaches this node on 0.0.0.0"),
        ("AdvertiseAddress", "[::]:7946", "nobody reaches this node on ::"),
        ("ClusterName", String(repeating: "x", count: 256), "has 256 bytes, and the limit is 255"),
        ("Peers", "a b", "\"a b\" is not HOST"),
    ])
    func addressesThatGossipCannotUseAreRejected(_ member: String, _ value: String, _ problem: String) throws {
        let configuration = try apply(
            member == "Peers" ? #"{"Peers": ["\#(value)"]}"# : #"{"\#(member)": "\#(value)"}"#
        )
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.problems.count == 1)
        #expect(
            error?.description.hasPrefix(member) == true && error?.description.contains(problem) == true,
            "\(error)"
        )
    }

    @Test func reachableGossipWithoutAKeyIsAWarning() {
        var configuration = defaults()
        #expect(configuration.gossipWarnings(isEncrypted: true).isEmpty)
        #expect(configuration.gossipWarnings(isEncrypted: false).count == 1)
        configuration.grpcAddress = "127.0.0.1:9000"
        #expect(configuration.gossipWarnings(isEncrypted: true).first?.contains("--agent-addr") == true)
        configuration.clusterAddress = "127.0.0.1:7946"
        #expect(configuration.gossipWarnings(isEncrypted: false).isEmpty)
    }

    @Test func invalidValuesAreReportedTogether() {
        var configuration = defaults()
        configuration.grpcAddress = "nowhere"
        configuration.bridge = "a-name-that-is-too-long"
        configuration.subnet = "172.16.0.0/25"
        configuration.tlsServerKey = "/key"
        configuration.tlsServerClientCA = "/ca"
        configuration.dataDirectory = "relative"
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.problems.count == 6)
    }

    @Test(arguments: [
        ("a:1", "a", 1), ("[::1]:9000", "::1", 9000), ("1.1.1.1", "1.1.1.1", 53), ("host", "host", 53),
    ])
    func hostAndPort(_ text: String, _ host: String, _ port: Int) {
        #expect(HostPort(text, defaultPort: 53) == HostPort(host: host, port: port))
    }

    @Test(arguments: ["", ":1", "a:", "a:0", "a:65536", "a:01", "::1", "a:b", "a:-1"])
    func notHostAndPort(_ text: String) {
        #expect(HostPort(text, defaultPort: 53) == nil)
    }

    @Test func addressDetectionSkipsAddressesThatOthersCannotReach() {
        typealias Candidate = AddressDetection.Candidate
        let lo = Candidate(interface: "lo", address: IPv4Address(127, 0, 0, 1))
        let local = Candidate(interface: "eth9", address: IPv4Address(169, 254, 3, 4))
        let down = Candidate(interface: "eth0", address: IPv4Address(10, 0, 0, 1), isUp: false)
        let bridge = Candidate(interface: "docker0", address: IPv4Address(172, 17, 0, 1))
        let good = Candidate(interface: "eth1", address: IPv4Address(10, 0, 0, 2))
        #expect(AddressDetection.choose(from: [lo, local, down, bridge, good]) == "10.0.0.2")
        #expect(AddressDetection.choose(from: [lo, local, down, bridge]) == "127.0.0.1")
        #expect(AddressDetection.choose(from: [lo, good], interface: "lo") == "127.0.0.1")
        #expect(AddressDetection.choose(from: []) == "127.0.0.1")
    }
}
