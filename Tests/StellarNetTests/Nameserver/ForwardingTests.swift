import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

private let servers = [DNSUpstream(host: "10.0.0.1"), DNSUpstream(host: "10.0.0.2")]

private func query(_ name: String, extended: Int? = nil) throws -> DNSQuery {
    guard case .query(let query) = DNSQuery.read(try question(name, extended: extended)) else {
        throw DNSFormatError.short
    }
    return query
}

/// What a server answers to the bytes it was sent.
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
    @Test func answerCarriesTheClientsIDAndCase() throws {
        var generator = SplitMix64(seed: 1)
        let query = try query("Www.Example.ORG")
        var forwarding = Forwarding(query, overStream: false, servers: servers)
        guard case .ask(let server, .datagram, let bytes) = forwarding.start(using: &generator) else {
            Issue.record("must ask")
            return
        }
        #expect(server == servers[0])
        let effect = forwarding.received(try reply(to: bytes, name: "www.example.org"), using: &generator)
        guard case .finish(let answer) = effect else {
            Issue.record("\(String(describing: effect))")
            return
        }
        let message = try DNSMessage(answer)
        #expect(message.header.id == 0x1234)
        #expect(message.questions.first?.name == DNSName("Www.Example.ORG"))
        #expect(message.answers.count == 1)
    }

    @Test func guessesAreIgnored() throws {
        var generator = SplitMix64(seed: 2)
        var forwarding = Forwarding(try query("example.org"), overStream: false, servers: servers)
        guard case .ask(_, _, let bytes) = forwarding.start(using: &generator) else { return }
        var wrongID = try reply(to: bytes)
        wrongID[0] ^= 1
        #expect(forwarding.received(wrongID, using: &generator) == nil)
        #expect(forwarding.received(try reply(to: bytes, name: "example.net"), using: &generator) == nil)
        #expect(forwarding.received(try reply(to: bytes, flags: 0x0100), using: &generator) == nil)
        #expect(forwarding.received([], using: &generator) == nil)
        #expect(forwarding.received(Array(try reply(to: bytes).prefix(20)), using: &generator) == nil)
        #expect(forwarding.received(try reply(to: bytes), using: &generator) != nil)
    }

    @Test func silenceAndFailureGoToTheNextServerUnderANewID() throws {
        var generator = SplitMix64(seed: 3)
        var forwarding = Forwarding(try query("example.org"), overStream: false, servers: servers)
        guard case .ask(servers[0], .datagram, let first) = forwarding.start(using: &generator),
            case .ask(servers[1], .datagram, let second) = forwarding.failed(using: &generator)
        else {
            Issue.record("must ask the second server")
            return
        }
        #expect(first[0..<2] != second[0..<2])
        // SERVFAIL: the first again, and then its word is passed on.
        let failure = forwarding.received(try reply(to: second, flags: 0x8182, address: nil), using: &generator)
        guard case .ask(servers[0], .datagram, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        guard case .finish(let answer) = forwarding.failed(using: &generator) else {
            Issue.record("must end")
            return
        }
        #expect(try DNSMessage(answer).header.code == .serverFailure)
    }

    @Test func noSuchNameIsPassedOn() throws {
        var generator = SplitMix64(seed: 4)
        var forwarding = Forwarding(try query("nope.example"), overStream: false, servers: servers)
        guard case .ask(_, _, let bytes) = forwarding.start(using: &generator),
            case .finish(let answer) = forwarding.received(
                try reply(to: bytes, flags: 0x8183, address: nil),
                using: &generator
            )
        else {
            Issue.record("must end")
            return
        }
        #expect(try DNSMessage(answer).header.code == .noSuchName)
    }

    @Test func truncatedIsAskedAgainOverTCP() throws {
        var generator = SplitMix64(seed: 5)
        var forwarding = Forwarding(try query("example.org"), overStream: true, servers: servers)
        guard case .ask(_, .datagram, let bytes) = forwarding.start(using: &generator),
            case .ask(servers[0], .stream, let again) = forwarding.received(
                try reply(to: bytes, flags: 0x8380),
                using: &generator
            ),
            case .finish(let answer) = forwarding.received(try reply(to: again, padding: 2000), using: &generator)
        else {
            Issue.record("must ask over TCP and end")
            return
        }
        #expect(answer.count > 2000)
        #expect(try DNSMessage(answer).answers.count == 2)
    }

    @Test func whatDoesNotFitTheClientIsCut() throws {
        var generator = SplitMix64(seed: 6)
        var forwarding = Forwarding(try query("example.org"), overStream: false, servers: servers)
        guard case .ask(_, _, let bytes) = forwarding.start(using: &generator),
            case .finish(let answer) = forwarding.received(try reply(to: bytes, padding: 700), using: &generator)
        else {
            Issue.record("must end")
            return
        }
        let message = try DNSMessage(answer)
        #expect(message.header.isTruncated)
        #expect(message.bytes.count <= 512)
    }

    @Test func aliasOutOfTheZoneIsJoinedWithItsTarget() throws {
        var generator = SplitMix64(seed: 7)
        let target = try #require(DNSName("www.example.org"))
        var forwarding = Forwarding(
            try query("out.stellar"),
            overStream: false,
            aliases: [.init(owner: nil, data: DNSRecordData(.cname, target.wire))],
            target: target,
            servers: servers
        )
        guard case .ask(_, _, let bytes) = forwarding.start(using: &generator),
            case .finish(let answer) = forwarding.received(try reply(to: bytes), using: &generator)
        else {
            Issue.record("must end")
            return
        }
        let message = try DNSMessage(answer)
        #expect(message.questions.first?.name == DNSName("out.stellar"))
        #expect(message.answers.map(\.type) == [.cname, .a])
        #expect(message.answers.last?.name == target)
    }

    @Test func withoutServersTheAnswerIsAFailure() throws {
        var generator = SplitMix64(seed: 8)
        var forwarding = Forwarding(try query("example.org"), overStream: false, servers: [])
        guard case .finish(let answer) = forwarding.start(using: &generator) else {
            Issue.record("must end")
            return
        }
        #expect(try DNSMessage(answer).header.code == .serverFailure)
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
    ])
    func upstreamText(text: String, expected: String?) {
        #expect(DNSUpstream(text)?.description == expected)
    }
}
