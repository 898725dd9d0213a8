import Logging
import NIOCore
import NIOPosix
import StellarCore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarNet

private let truth: [UInt8] = [192, 0, 2, 1]
private let lie: [UInt8] = [192, 0, 2, 66]

/// The responses of a nameserver that gets all queries in one iteration of its loop: nothing here depends on a clock.
private func responses(
    _ queries: [[UInt8]],
    upstreams: [DNSUpstream],
    records: [Record] = [],
    limits: NameserverDriver.Limits = .init()
) async throws -> [DNSMessage] {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let zone = Zone(records)
    let replies = Mutex<[[UInt8]]>([])
    // All queries are in before the loop polls a socket again.
    try await eventLoop.submit {
        let driver = NameserverDriver(
            configuration: NameserverConfiguration(address: IPv4Address(127, 0, 0, 1), upstreams: upstreams),
            zone: { zone },
            eventLoop: eventLoop,
            limits: limits
        )
        for bytes in queries {
            driver.resolve(bytes, from: nil, overStream: false) { response in replies.withLock { $0.append(response) } }
        }
    }.get()
    let all = try await eventually("a response for each", within: .seconds(60)) {
        let replies = replies.withLock { $0 }
        return replies.count == queries.count ? replies : nil
    }
    return try all.map { try DNSMessage($0) }
}

private func addresses(_ message: DNSMessage) -> [[UInt8]] {
    message.answers.map { Array(message.bytes[$0.data]) }
}

/// Upstream servers that do not respond, are slow or lie, over real sockets.
@Suite(.timeLimit(.minutes(10))) struct UpstreamTests {
    /// Forged responses arrive before the right one; only the right one counts.
    @Test func forgedResponsesAreIgnored() async throws {
        let upstream = try await ScriptedUpstream { query in
            let bytes = query.bytes
            return [
                (addressResponse(bytes, lie) { $0[0] ^= 0x01 }, false),  // another id
                (addressResponse(bytes, lie) { $0[13] ^= 0x01 }, false),  // another name
                (addressResponse(bytes, lie) { $0[2] &= 0x7f }, false),  // a query
                (Array(addressResponse(bytes, lie).prefix(17)), false),
                ([], false),
                (addressResponse(bytes, lie), true),  // from another port
                (addressResponse(bytes, truth), false),
            ]
        }
        let messages = try await responses([try queryBytes("www.example.org")], upstreams: [upstream.upstream])
        #expect(messages.map(addresses) == [[truth]])
        await upstream.stop()
    }

    /// A response from another port than the query went to does not count; the next server gets the query.
    @Test func responsesFromAnotherPortAreIgnored() async throws {
        let liar = try await ScriptedUpstream { [(addressResponse($0.bytes, lie), true)] }
        let honest = try await ScriptedUpstream { [(addressResponse($0.bytes, truth), false)] }
        let upstreams = [liar.upstream, honest.upstream]
        let messages = try await responses([try queryBytes("www.example.org")], upstreams: upstreams)
        #expect(messages.map(addresses) == [[truth]])
        #expect(liar.queries.count == 1)
        await liar.stop()
        await honest.stop()
    }

    /// The id and the port of the next query cannot be guessed from those before.
    @Test func eachQueryHasARandomIDAndPort() async throws {
        let upstream = try await ScriptedUpstream { [(addressResponse($0.bytes, truth), false)] }
        let queries = try (0..<64).map { try queryBytes("n\($0).example.org", id: 7) }
        _ = try await responses(queries, upstreams: [upstream.upstream])
        let seen = upstream.queries
        #expect(seen.count == 64)
        // 64 of 65536 ids, and of some 28000 ports: many equal ones are improbable.
        #expect(Set(seen.map(\.id)).count > 48)
        #expect(Set(seen.map(\.port)).count > 48)
        let steps = zip(seen, seen.dropFirst()).map { $1.port - $0.port }
        #expect(Set(steps).count > 16)
        await upstream.stop()
    }

    @Test func equalQueriesShareOneExchange() async throws {
        let upstream = try await ScriptedUpstream { [(addressResponse($0.bytes, truth), false)] }
        let queries = try (UInt16(0)..<40).map {
            try queryBytes($0 % 2 == 0 ? "www.Example.org" : "WWW.example.org", id: $0)
        }
        let messages = try await responses(queries, upstreams: [upstream.upstream])
        #expect(upstream.queries.count == 1)
        #expect(Set(messages.map { $0.header.id }) == Set(0..<40))
        #expect(messages.allSatisfy { addresses($0) == [truth] })
        // Each in its own upper and lower case.
        let names = Set(messages.map { $0.questions[0].name })
        #expect(names == [DNSName("www.Example.org"), DNSName("WWW.example.org")])
        await upstream.stop()
    }

    @Test func queriesBeyondTheLimitsFailAtOnce() async throws {
        let upstream = try await ScriptedUpstream { [(addressResponse($0.bytes, truth), false)] }
        func codes(_ names: [String], _ limits: NameserverDriver.Limits) async throws -> [UInt16: Int] {
            let queries = try names.map { try queryBytes($0) }
            let messages = try await responses(queries, upstreams: [upstream.upstream], limits: limits)
            return Dictionary(grouping: messages, by: \.header.code.rawValue).mapValues(\.count)
        }
        let different = (0..<9).map { "n\($0).example.org" }
        #expect(try await codes(different, .init(forwarded: 4, waiting: 100)) == [0: 4, 2: 5])
        let equal = [String](repeating: "n.example.org", count: 9)
        #expect(try await codes(equal, .init(forwarded: 1, waiting: 6)) == [0: 6, 2: 3])
        await upstream.stop()
    }

    /// Names below `.stellar` never leave the node, whether they exist or not.
    @Test func ourNamesAreNeverForwarded() async throws {
        let upstream = try await ScriptedUpstream { [(addressResponse($0.bytes, lie), false)] }
        let records = [
            Record(type: .a, name: "demo.web.0.stellar", value: "172.16.0.2"),
            Record(type: .cname, name: "dangling.stellar", value: "nobody.stellar"),
        ]
        let names: [(String, DNSType)] = [
            ("demo.web.0.stellar", .aaaa), ("DEMO.web.0.STELLAR", .mx), ("nobody.stellar", .a),
            ("nobody.STELLAR", .any),
            ("x.demo.web.0.stellar", .srv), ("stellar", .a), ("dangling.stellar", .a),
        ]
        let queries = try names.map { try queryBytes($0.0, $0.1) }
        let messages = try await responses(queries, upstreams: [upstream.upstream], records: records)
        #expect(messages.map(\.header.code.rawValue) == [0, 0, 3, 3, 3, 0, 3])
        #expect(upstream.queries.isEmpty)
        await upstream.stop()
    }

    /// Truncated by datagram, and no server on TCP: the client gets an empty truncated response.
    @Test func truncatedWithoutTCPStaysTruncated() async throws {
        let upstream = try await ScriptedUpstream { [(addressResponse($0.bytes, lie) { $0[2] |= 0x02 }, false)] }
        let messages = try await responses([try queryBytes("www.example.org")], upstreams: [upstream.upstream])
        #expect(messages.map(\.header.isTruncated) == [true])
        #expect(messages.map(addresses) == [[]])
        await upstream.stop()
    }

    /// The upstream server forwards to us, as a resolver of the host that is configured with our address does. The query waits
    /// for itself, once, instead of going round for ever.
    @Test func aForwardingLoopEnds() async throws {
        let back = Mutex<(any Channel, SocketAddress)?>(nil)
        let relay = try await ScriptedUpstream { query in
            back.withLock { back in
                guard let (channel, server) = back else { return }
                // Under another id and from another socket, as a forwarder does.
                var bytes = query.bytes
                bytes[0] ^= 0xff
                channel.writeAndFlush(
                    AddressedEnvelope(remoteAddress: server, data: ByteBuffer(bytes: bytes)),
                    promise: nil
                )
            }
            return []
        }
        let server = Nameserver(
            NameserverConfiguration(address: IPv4Address(127, 0, 0, 1), port: 0, upstreams: [relay.upstream]),
            zone: { .empty },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let port = try await server.start()
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        back.withLock { $0 = (channel, address) }
        let text = try await ChildProcess.check(
            "dig",
            ["@127.0.0.1", "-p", "\(port)", "+tries=1", "+time=60", "www.example.org"]
        )
        #expect(text.contains("status: SERVFAIL"))
        // Three attempts; some more where the machine is too busy to return them in time. Without an end, thousands.
        #expect(relay.queries.count < 50)
        try await channel.close()
        await server.stop()
        await relay.stop()
    }
}
