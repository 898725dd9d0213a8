import StellarCore

@testable import StellarNet

private let zone = Zone([
    Record(type: .a, name: "a.stellar", value: "10.0.0.2"),
    Record(type: .txt, name: "a.stellar", value: String(repeating: "t", count: 900)),
    Record(type: .cname, name: "c.stellar", value: "a.stellar"),
    Record(type: .cname, name: "o.stellar", value: "www.example.org"),
    Record(type: .srv, name: "a.stellar", value: "a.stellar", options: .init(service: "s", protocol: "tcp", port: 80)),
])

private let servers = [DNSUpstream(host: "10.0.0.1"), DNSUpstream(host: "10.0.0.2")]

/// A query of a client, and a response of an upstream server.
@Sendable func fuzzDNS(_ input: [UInt8]) {
    if let message = try? DNSMessage(input) {
        for record in message.answers { _ = try? message.expandedData(of: record) }
    }
    for overStream in [false, true] {
        switch NameserverMachine.decide(input, zone: zone, overStream: overStream) {
        case .drop: break
        case .respond(let response): requireResponse(response, to: input, overStream: overStream)
        case .forward(let query): fuzzForwarding(input, query, overStream)
        case .follow(let query, let aliases, let target):
            fuzzForwarding(input, query, overStream, aliases, target)
        }
    }
}

private func requireResponse(_ response: [UInt8], to query: [UInt8], overStream: Bool) {
    require(response.count <= (overStream ? DNSQuery.streamBytes : DNSQuery.datagramBytes), "a response has its limit")
    require(response.prefix(2) == query.prefix(2), "a response has the query's id")
    require((try? DNSMessage(response)) != nil, "a response decodes")
}

/// The input as a response to its own query; then behind the right id and question.
private func fuzzForwarding(
    _ input: [UInt8],
    _ query: DNSQuery,
    _ overStream: Bool,
    _ aliases: [NameserverMachine.Alias] = [],
    _ target: DNSName? = nil
) {
    var generator = SystemRandomNumberGenerator()
    let forwarded = UpstreamQuery(query, target: target)
    let client = ForwardedClient(query: query, overStream: overStream, aliases: aliases)
    var forwarding = Forwarding(forwarded, servers: servers)
    guard case .send(_, _, let sent) = forwarding.start(using: &generator) else { return }
    _ = forwarding.received(input, using: &generator)
    // The flags and counts of the input, and what follows its own question, behind the question that was sent.
    let end = DNSHeader.byteCount + forwarded.questionByteCount
    var reply =
        Array(sent.prefix(end)) + input.dropFirst(min(input.count, DNSHeader.byteCount + query.questionBytes.count))
    for index in 2..<min(DNSHeader.byteCount, input.count) where index != 4 && index != 5 {
        reply[index] = input[index]
    }
    reply[2] |= 0x80
    if case .finish(let outcome)? = forwarding.received(reply, using: &generator) {
        let response = client.response(outcome)
        require(
            response.count <= (overStream ? DNSQuery.streamBytes : DNSQuery.datagramBytes),
            "a response has its limit"
        )
        require(response.prefix(2) == input.prefix(2), "a response has the query's id")
    }
}

@Sendable func fuzzNetlink(_ input: [UInt8]) {
    guard let messages = try? NetlinkParser.messages(in: input[...]) else { return }
    for message in messages {
        _ = try? NetlinkAcknowledgement(message)
        _ = try? NetlinkParser.attributes(in: message.payload)
        _ = try? Link(message)
        _ = try? InterfaceAddress(message)
        _ = try? Neighbour(message)
        _ = try? Route(message)
    }
}

/// Output of CNI plugins and iptables, and files of the host. The first byte chooses.
@Sendable func fuzzCNI(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    let text = String(decoding: bytes, as: UTF8.self)
    switch first % 6 {
    case 0:
        guard let result = try? CNIResult(text: text) else { return }
        _ = result.address(of: "eth0")
        require(result.addresses.allSatisfy { (0...32).contains($0.prefixLength) }, "a prefix has 0 to 32 bits")
    case 1: _ = IPAMPluginRequest.outcome(of: bytes)
    case 2:
        guard let subnet = IPv4Subnet("172.16.0.0/22"), let network = IPv4Subnet("172.16.0.0/12") else { return }
        let firewall = NodeFirewall(bridge: "stellar0", subnet: subnet, network: network)
        let saved = FirewallTables(text)
        _ = firewall.change(from: saved)
        _ = firewall.removal(from: saved)
    case 3: _ = MountTable.mount(holding: "/run/stellar/ns", in: MountTable.parse(text))
    case 4:
        require(
            !ResolverConfiguration.upstreams(resolvConf: text, excluding: nil).isEmpty,
            "there is always an upstream server"
        )
    default:
        guard let upstream = DNSUpstream(text) else { return }
        require(DNSUpstream(upstream.description) == upstream, "an upstream survives its text")
    }
}

extension IPAMPluginRequest {
    /// Parses the standard input of `stellar-cni-ipam` for each command: a request, or an error that is JSON. Returns the
    /// number of requests.
    fileprivate static func outcome(of input: [UInt8]) -> Int {
        let environment = ["CNI_CONTAINERID": "c", "CNI_IFNAME": "eth0", "CNI_PATH": "/x", "CNI_NETNS": "/n"]
        return ["ADD", "CHECK", "DEL"].reduce(0) { count, command in
            do {
                _ = try parse(environment: environment.merging(["CNI_COMMAND": command]) { $1 }) { input }
                return count + 1
            } catch let failure as IPAMPluginFailure {
                require(failure.text.hasPrefix(#"{"code":"#), "an error is a JSON object")
                return count
            } catch {
                return count
            }
        }
    }
}
