import Logging
import NIOCore
import NIOPosix
import StellarCore
import StellarTestKit
import Synchronization
import Testing

@testable import StellarNet

private let loopback = IPv4Address(127, 0, 0, 1)

private func server(
    _ records: [Record],
    upstreams: [DNSUpstream] = [],
    clients: [IPv4Subnet] = []
) async throws -> (server: Nameserver, port: Int) {
    let zone = Zone(records)
    let server = Nameserver(
        NameserverConfiguration(address: loopback, port: 0, upstreams: upstreams, clients: clients),
        zone: { zone },
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    // The number that the kernel chooses for datagrams may be a connection's.
    return (server, try await eventually("a port for both transports") { try await server.start() })
}

/// One exchange by datagram or stream, through the code that queries upstream servers.
private func exchange(
    _ bytes: [UInt8],
    port: Int,
    over transport: Forwarding.Transport = .datagram
) async throws -> [UInt8] {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let answer = Mutex<[UInt8]>([])
    try await loop.flatSubmit {
        UpstreamExchange.run(bytes, to: DNSUpstream(host: "127.0.0.1", port: port), over: transport, on: loop) {
            reply in
            answer.withLock { $0 = reply }
            return true
        }
    }.get()
    return answer.withLock { $0 }
}

private func dig(_ port: Int, _ arguments: String...) async throws -> String {
    try await ChildProcess.check("dig", ["@127.0.0.1", "-p", "\(port)", "+tries=3", "+time=20"] + arguments)
}

/// The real server on loopback, queried by our own code and by `dig`.
@Suite(.timeLimit(.minutes(10))) struct NameserverTests {
    private let records = [
        Record(type: .a, name: "demo.web.0.stellar", value: "172.16.0.2"),
        Record(type: .txt, name: "big.stellar", value: String(repeating: "t", count: 4000)),
    ]

    @Test func digGetsOurRecords() async throws {
        let (server, port) = try await server(records)
        #expect(try await dig(port, "+short", "DEMO.web.0.stellar") == "172.16.0.2\n")
        #expect(try await dig(port, "+tcp", "+short", "demo.web.0.stellar") == "172.16.0.2\n")
        #expect(try await dig(port, "nobody.stellar").contains("status: NXDOMAIN"))
        let empty = try await dig(port, "AAAA", "demo.web.0.stellar")
        #expect(empty.contains("status: NOERROR") && empty.contains("ANSWER: 0"))
        // Truncated by datagram, so dig retries over TCP.
        let big = try await dig(port, "+short", "TXT", "big.stellar")
        #expect(big.filter { $0 == "t" }.count == 4000)
        #expect(try await dig(port, "+dnssec", "demo.web.0.stellar").contains("EDNS: version: 0, flags: do; udp: 1232"))
        await server.stop()
    }

    @Test func otherNamesAreForwarded() async throws {
        let (upstream, upstreamPort) = try await server([
            Record(type: .a, name: "www.example.org", value: "192.0.2.7"),
            Record(type: .txt, name: "big.example.org", value: String(repeating: "u", count: 4000)),
        ])
        // No server listens on the first: its refusal or silence must not matter.
        let (dead, deadPort) = try await server([])
        await dead.stop()
        let (server, port) = try await server(
            [Record(type: .cname, name: "out.stellar", value: "www.example.org")],
            upstreams: [
                DNSUpstream(host: "127.0.0.1", port: deadPort), DNSUpstream(host: "127.0.0.1", port: upstreamPort),
            ]
        )
        #expect(try await dig(port, "+short", "www.example.org") == "192.0.2.7\n")
        #expect(try await dig(port, "+short", "out.stellar") == "www.example.org.\n192.0.2.7\n")
        // Truncated upstream: fetched over TCP, and given whole over TCP.
        #expect(try await dig(port, "+short", "TXT", "big.example.org").filter { $0 == "u" }.count == 4000)
        await upstream.stop()
        await server.stop()
    }

    @Test func silentUpstreamsEndInAFailure() async throws {
        // A socket that is bound and never read.
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let silentPort = try #require(silent.localAddress?.port)
        let (server, port) = try await server([], upstreams: [DNSUpstream(host: "127.0.0.1", port: silentPort)])
        #expect(try await dig(port, "example.org").contains("status: SERVFAIL"))
        try await silent.close()
        await server.stop()
    }

    @Test func badDatagramsDoNotStopIt() async throws {
        let (server, port) = try await server(records)
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        var generator = SplitMix64(seed: 9)
        for _ in 0..<500 {
            let count = Int.random(in: 0..<1400, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let envelope = AddressedEnvelope(
                remoteAddress: try SocketAddress(ipAddress: "127.0.0.1", port: port),
                data: ByteBuffer(bytes: bytes)
            )
            try await channel.writeAndFlush(envelope)
        }
        try await channel.close()
        let answer = try await exchange(try queryBytes("demo.web.0.stellar"), port: port)
        #expect(try DNSMessage(answer).answers.count == 1)
        await server.stop()
    }

    @Test func aTakenPortIsNamed() async throws {
        let port = Int(try LoopbackPort.free())
        let configuration = NameserverConfiguration(address: loopback, port: port, upstreams: [])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let first = Nameserver(configuration, zone: { .empty }, logger: logger)
        let second = Nameserver(configuration, zone: { .empty }, logger: logger)
        #expect(try await first.start() == port)
        let error = await #expect(throws: NetworkError.self) { try await second.start() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("127.0.0.1:\(port)/udp is taken") == true)
        #expect(error?.message.contains("ss -lnpu") == true)
        await first.stop()
        // Free again, and no half of the second was left bound.
        // Retried, as a child process of another test may hold the socket for a moment.
        let bound = try await eventually("the port is free", within: .seconds(60)) { try await second.start() }
        #expect(bound == port)
        await second.stop()
    }

    /// As in the daemon: it reports a taken port, and retries until it serves.
    @Test func aTakenPortIsRetriedUntilItIsFree() async throws {
        let (holder, port) = try await server([])
        let zone = Zone(records)
        let waits = Nameserver(
            NameserverConfiguration(address: loopback, port: port, upstreams: []),
            zone: { zone },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await waits.run() }
            try await eventually("it has the reason", within: .seconds(60)) {
                waits.problem?.contains("127.0.0.1:\(port)/udp is taken") == true ? true : nil
            }
            await holder.stop()
            try await eventually("it serves", within: .seconds(60)) {
                try await dig(port, "+short", "demo.web.0.stellar") == "172.16.0.2\n" ? true : nil
            }
            #expect(waits.problem == nil)
            await waits.stop()
            try await group.waitForAll()
        }
    }

    /// Clients outside of the served networks get neither our names nor others.
    @Test func clientsOutsideTheServedNetworksAreRefused() async throws {
        let (upstream, upstreamPort) = try await server([Record(type: .a, name: "www.example.org", value: "192.0.2.7")])
        let upstreams = [DNSUpstream(host: "127.0.0.1", port: upstreamPort)]
        let elsewhere = try #require(IPv4Subnet("10.11.12.0/24"))
        let (closed, closedPort) = try await server(records, upstreams: upstreams, clients: [elsewhere])
        for name in ["demo.web.0.stellar", "nobody.stellar", "www.example.org"] {
            for transport in ["+notcp", "+tcp"] {
                #expect(try await dig(closedPort, transport, name).contains("status: REFUSED"))
            }
        }
        await closed.stop()
        let clients = NameserverConfiguration.clients(of: elsewhere)
        let (open, openPort) = try await server(records, upstreams: upstreams, clients: clients)
        #expect(try await dig(openPort, "+short", "demo.web.0.stellar") == "172.16.0.2\n")
        #expect(try await dig(openPort, "+short", "www.example.org") == "192.0.2.7\n")
        await open.stop()
        await upstream.stop()
    }

    @Test func badStreamsDoNotStopIt() async throws {
        let (server, port) = try await server(records)
        var generator = SplitMix64(seed: 10)
        for _ in 0..<50 {
            let count = Int.random(in: 0..<200, using: &generator)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Empty messages, and lengths of what never comes.
            bytes = [0, 0, 0, 0] + bytes + [0xff, 0xff, 1]
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
            // The server may have closed it already.
            try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
            try? await channel.close()
        }
        #expect(try await dig(port, "+tcp", "+short", "demo.web.0.stellar") == "172.16.0.2\n")
        await server.stop()
    }

    @Test func streamsCarryManyQueries() async throws {
        let (server, port) = try await server(records)
        for _ in 0..<3 {
            let answer = try await exchange(try queryBytes("demo.web.0.stellar"), port: port, over: .stream)
            #expect(try DNSMessage(answer).answers.count == 1)
        }
        let text = try await dig(port, "+tcp", "+keepopen", "+short", "demo.web.0.stellar", "demo.web.0.stellar")
        #expect(text == "172.16.0.2\n172.16.0.2\n")
        await server.stop()
    }
}
