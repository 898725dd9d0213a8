import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

private let servers = [DNSUpstream(host: "10.0.0.1"), DNSUpstream(host: "10.0.0.2")]

/// A client's query, forwarded, and the client.
private func forwarded(
    _ name: String,
    extended: Int? = nil,
    overStream: Bool = false,
    servers: [DNSUpstream] = servers
) throws -> (forwarding: Forwarding, client: ForwardedClient) {
    let query = try query(name, extended: extended)
    let client = ForwardedClient(query: query, overStream: overStream)
    return (Forwarding(UpstreamQuery(query), servers: servers), client)
}

private func query(_ name: String, extended: Int? = nil) throws -> DNSQuery {
    guard case .query(let query) = DNSQuery.read(try queryBytes(name, extended: extended)) else {
        throw DNSFormatError.short
    }
    return query
}

/// A server's response to a query.
private func reply(
    to bytes: [UInt8],
    flags: UInt16 = 0x8180,
    name: String? = nil,
    address: [UInt8]? = [1, 2, 3, 4],
    padding: Int = 0
) throws -> [UInt8] {
    var writer = DNSWriter()
    writer.append(bytes[0..<2])
    writer.append(flags)
    writer.append(UInt16(1))
    writer.append(UInt16((address == nil ? 0 : 1) + (padding > 0 ? 1 : 0)))
    writer.append(UInt32(0))
    if let name {
        writer.append(try #require(DNSName(name)).wire)
    } else {
        var reader = DNSReader(bytes, at: 12)
        writer.append(try reader.name().wire)
    }
    writer.append(UInt16(1))
    writer.append(UInt16(1))
    if let address {
        writer.append([0xc0, 12])
        writer.append(DNSRecordData(.a, timeToLive: 60, address).bytes)
    }
    if padding > 0 {
        writer.append([0xc0, 12])
        writer.append(DNSRecordData(.txt, [UInt8](repeating: 0, count: padding)).bytes)
    }
    return writer.bytes
}

struct ForwardingTests {
    @Test func theResponseHasTheClientsIDAndCase() throws {
        var generator = SplitMix64(seed: 1)
        var (forwarding, client) = try forwarded("Www.Example.ORG")
        guard case .send(let server, .datagram, let bytes) = forwarding.start(using: &generator) else {
            Issue.record("must send")
            return
        }
        #expect(server == servers[0])
        let effect = forwarding.received(try reply(to: bytes, name: "wwW.example.org"), using: &generator)
        guard case .finish(let outcome) = effect else {
            Issue.record("\(String(describing: effect))")
            return
        }
        let message = try DNSMessage(client.response(outcome))
        #expect(message.header.id == 0x1234)
        #expect(message.questions.first?.name == DNSName("Www.Example.ORG"))
        #expect(message.answers.count == 1)
    }

    @Test func forgedResponsesAreIgnored() throws {
        var generator = SplitMix64(seed: 2)
        var (forwarding, _) = try forwarded("example.org")
        guard case .send(_, _, let bytes) = forwarding.start(using: &generator) else { return }
        var wrongID = try reply(to: bytes)
        wrongID[0] ^= 1
        #expect(forwarding.received(wrongID, using: &generator) == nil)
        #expect(forwarding.received(try reply(to: bytes, name: "example.net"), using: &generator) == nil)
        #expect(forwarding.received(try reply(to: bytes, flags: 0x0100), using: &generator) == nil)
        #expect(forwarding.received([], using: &generator) == nil)
        #expect(forwarding.received(Array(try reply(to: bytes).prefix(20)), using: &generator) == nil)
        #expect(forwarding.received(try reply(to: bytes), using: &generator) != nil)
    }

    /// Clients with equal queries share an exchange.
    @Test func queriesAreEqualWhereServersRespondAlike() throws {
        let plain = UpstreamQuery(try query("example.org"))
        #expect(UpstreamQuery(try query("EXAMPLE.org")) == plain)
        #expect(UpstreamQuery(try query("example.net")) != plain)
        #expect(UpstreamQuery(try query("example.org", extended: 1232)) != plain)
        #expect(
            UpstreamQuery(try query("example.org", extended: 512))
                == UpstreamQuery(try query("example.org", extended: 4096))
        )
        let checking = { (flags: UInt8) throws -> UpstreamQuery? in
            var bytes = try queryBytes("example.org")
            bytes[3] |= flags
            guard case .query(let query) = DNSQuery.read(bytes) else { return nil }
            return UpstreamQuery(query)
        }
        #expect(try checking(0x10) != plain)
        #expect(try checking(0x20) != plain)
        #expect(try checking(0) == plain)
    }

    /// A compressed name decodes to the right one, but has another length than the client's, which replaces it.
    @Test func aResponseWithACompressedQuestionIsIgnored() throws {
        var generator = SplitMix64(seed: 9)
        var (forwarding, _) = try forwarded("example.org")
        guard case .send(_, _, let bytes) = forwarding.start(using: &generator) else { return }
        // "example" and a pointer to "org" behind it: the same name, one byte longer than it should be.
        var odd = Array(try reply(to: bytes, address: nil).prefix(12))
        odd += [7] + Array("example".utf8) + [0xc0, 0x05, 0, 1, 0, 1]
        #expect(forwarding.received(odd, using: &generator) == nil)
    }

    @Test func silenceAndFailureGoToTheNextServerUnderANewID() throws {
        var generator = SplitMix64(seed: 3)
        var (forwarding, client) = try forwarded("example.org")
        guard case .send(servers[0], .datagram, let first) = forwarding.start(using: &generator),
            case .send(servers[1], .datagram, let second) = forwarding.failed(using: &generator)
        else {
            Issue.record("must send to the second server")
            return
        }
        #expect(first[0..<2] != second[0..<2])
        // SERVFAIL: the first server again; then the failure is relayed.
        let failure = forwarding.received(try reply(to: second, flags: 0x8182, address: nil), using: &generator)
        guard case .send(servers[0], .datagram, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        guard case .finish(let outcome) = forwarding.failed(using: &generator) else {
            Issue.record("must end")
            return
        }
        #expect(try DNSMessage(client.response(outcome)).header.code == .serverFailure)
    }

    @Test func noSuchNameIsRelayed() throws {
        var generator = SplitMix64(seed: 4)
        var (forwarding, client) = try forwarded("nope.example")
        guard case .send(_, _, let bytes) = forwarding.start(using: &generator),
            case .finish(let outcome) = forwarding.received(
                try reply(to: bytes, flags: 0x8183, address: nil),
                using: &generator
            )
        else {
            Issue.record("must end")
            return
        }
        #expect(try DNSMessage(client.response(outcome)).header.code == .noSuchName)
    }

    @Test func aTruncatedResponseIsFetchedOverTCP() throws {
        var generator = SplitMix64(seed: 5)
        var (forwarding, client) = try forwarded("example.org", overStream: true)
        guard case .send(_, .datagram, let bytes) = forwarding.start(using: &generator),
            case .send(servers[0], .stream, let again) = forwarding.received(
                try reply(to: bytes, flags: 0x8380),
                using: &generator
            ),
            case .finish(let outcome) = forwarding.received(try reply(to: again, padding: 2000), using: &generator)
        else {
            Issue.record("must send over TCP and end")
            return
        }
        #expect(client.response(outcome).count > 2000)
        #expect(try DNSMessage(client.response(outcome)).answers.count == 2)
    }

    @Test func aResponseTooLongForTheClientIsTruncated() throws {
        var generator = SplitMix64(seed: 6)
        var (forwarding, client) = try forwarded("example.org")
        guard case .send(_, _, let bytes) = forwarding.start(using: &generator),
            case .finish(let outcome) = forwarding.received(try reply(to: bytes, padding: 700), using: &generator)
        else {
            Issue.record("must end")
            return
        }
        let message = try DNSMessage(client.response(outcome))
        #expect(message.header.isTruncated)
        #expect(message.bytes.count <= 512)
    }

    @Test func aliasOutOfTheZoneIsJoinedWithItsTarget() throws {
        var generator = SplitMix64(seed: 7)
        let target = try #require(DNSName("www.example.org"))
        let query = try query("out.stellar")
        let alias = NameserverMachine.Alias(owner: nil, data: DNSRecordData(.cname, target.wire))
        let client = ForwardedClient(query: query, overStream: false, aliases: [alias])
        var forwarding = Forwarding(UpstreamQuery(query, target: target), servers: servers)
        guard case .send(_, _, let bytes) = forwarding.start(using: &generator),
            case .finish(let outcome) = forwarding.received(try reply(to: bytes), using: &generator)
        else {
            Issue.record("must end")
            return
        }
        let message = try DNSMessage(client.response(outcome))
        #expect(message.questions.first?.name == DNSName("out.stellar"))
        #expect(message.answers.map(\.type) == [.cname, .a])
        #expect(message.answers.last?.name == target)
    }

    @Test func withoutServersTheResponseIsAFailure() throws {
        var generator = SplitMix64(seed: 8)
        var (forwarding, client) = try forwarded("example.org", servers: [])
        guard case .finish(let outcome) = forwarding.start(using: &generator) else {
            Issue.record("must end")
            return
        }
        #expect(try DNSMessage(client.response(outcome)).header.code == .serverFailure)
    }

    @Test func serversOfTheHost() {
        let text = """
            # made by hand
            search example.org
            nameserver 172.16.0.1
            nameserver 9.9.9.9
            nameserver\t2001:db8::1
            nameserver not-an-address
            nameserver 9.9.9.9
            """
        let own = IPv4Address(172, 16, 0, 1)
        let found = ResolverConfiguration.upstreams(resolvConf: text, excluding: own)
        #expect(found == [DNSUpstream(host: "9.9.9.9"), DNSUpstream(host: "2001:db8::1")])
        #expect(ResolverConfiguration.upstreams(resolvConf: "", excluding: own) == [DNSUpstream(host: "1.1.1.1")])
    }

    @Test(arguments: [
        ("1.1.1.1", "1.1.1.1:53"), ("8.8.8.8:5353", "8.8.8.8:5353"), ("::1", "[::1]:53"), ("[::1]:54", "[::1]:54"),
        ("dns.example", nil), ("1.1.1.1:0", nil), ("1.1.1.1:x", nil), ("[::1", nil), ("", nil), ("1.1.1", nil),
        ("fe80::1%eth0", "[fe80::1%eth0]:53"), ("[fe80::1%eth0]:54", "[fe80::1%eth0]:54"), ("::1%", nil),
        ("::1%]", nil),
    ])
    func upstreamText(text: String, expected: String?) {
        #expect(DNSUpstream(text)?.description == expected)
    }
}
