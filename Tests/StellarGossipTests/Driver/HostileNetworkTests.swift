import NIOCore
import StellarTestKit
import Testing

@testable import StellarGossip

/// Strangers and invalid peers: they are named in the log and counted, and do not affect the other nodes.
struct HostileNetworkTests {
    /// Both nodes look for the other, and neither accepts it.
    private func strangers(
        _ reason: DropReason,
        _ one: GossipNodeConfiguration,
        _ other: GossipNodeConfiguration
    ) async throws {
        let log = CapturedLog()
        try await NodeBench.with(one, log: log) { a, endpoint in
            var other = other
            other.peers = ["\(endpoint)"]
            try await NodeBench.with(other) { b, _ in
                let error = try await eventually("the attempt fails") { await b.peers().first?.lastError }
                #expect(error.contains("\(endpoint)"), "\(error)")
                try await eventually("it is logged") {
                    log.lines.contains { $0.contains("127.0.0.1") && $0.contains(reason.explanation) } ? true : nil
                }
                #expect(await a.counters().drops[reason, default: 0] > 0)
                #expect(await a.members().count == 1)
                #expect(await b.members().count == 1)
            }
        }
    }

    @Test func nodeWithAnotherKeyIsRefused() async throws {
        var one = NodeBench.configuration("a")
        one.keyring = Keyring(try #require(GossipKey([UInt8](repeating: 1, count: 16))))
        var other = NodeBench.configuration("b")
        try await strangers(.key, one, other)
        other.keyring = Keyring(try #require(GossipKey([UInt8](repeating: 2, count: 16))))
        try await strangers(.key, one, other)
    }

    @Test func nodeWithAnotherLabelIsRefused() async throws {
        var one = NodeBench.configuration("a")
        one.label = "one"
        var other = NodeBench.configuration("b")
        try await strangers(.label, one, other)
        other.label = "other"
        try await strangers(.label, one, other)
    }

    @Test func nodeWithAnotherVersionIsRefused() async throws {
        var other = NodeBench.configuration("b")
        other.versions = ProtocolVersions(minimum: 4, maximum: 5, current: 4)
        try await strangers(.version, NodeBench.configuration("a"), other)
    }

    @Test func repeatedDropIsLoggedOnce() async throws {
        let log = CapturedLog()
        try await NodeBench.with(NodeBench.configuration("a"), log: log) { a, endpoint in
            for _ in 0..<50 { try await NodeBench.send(Array("GET / HTTP/1.0".utf8), to: endpoint) }
            try await eventually("all came") { await a.counters().drops[.notGossip] == 50 ? true : nil }
            #expect(log.lines.count { $0.contains(DropReason.notGossip.explanation) } == 1)
        }
    }

    @Test func invalidNodesAreRefused() async throws {
        let log = CapturedLog()
        try await NodeBench.with(NodeBench.configuration("a"), log: log) { a, endpoint in
            let odd = Alive(node: "b\u{1B}[2J", incarnation: 1, address: NodeBench.loopback, port: 1)
            let verbose = Alive(
                node: "c",
                incarnation: 1,
                address: NodeBench.loopback,
                port: 1,
                metadata: [UInt8](repeating: 0, count: 513)
            )
            let versions = ProtocolVersions(minimum: 3, maximum: 2, current: 2)
            let unsound = Alive(node: "d", incarnation: 1, address: NodeBench.loopback, port: 1, versions: versions)
            for claim in [odd, verbose, unsound] { try await NodeBench.send(claim.encoded(), to: endpoint) }
            for reason in [DropReason.name, .metadata, .unsound] {
                try await eventually("\(reason)") { await a.counters().drops[reason] == 1 ? true : nil }
                #expect(log.lines.contains { $0.contains(reason.explanation) && $0.contains("127.0.0.1") })
            }
            #expect(await a.members().count == 1)
        }
    }

    /// Every kind of error of sending: no route, no permission (a broadcast), not an address of a host.
    @Test func failedSendsStopNothing() async throws {
        var configuration = NodeBench.configuration("a")
        configuration.gossip.suspicionMaximumMultiplier = 1
        try await NodeBench.with(configuration) { a, endpoint in
            for (index, address) in ["255.255.255.255", "240.0.0.1", "0.0.0.1", "::1"].enumerated() {
                let ghost = Alive(
                    node: "ghost\(index)",
                    incarnation: 1,
                    address: try #require(WireAddress(text: address)),
                    port: 9
                )
                try await NodeBench.send(ghost.encoded(), to: endpoint)
            }
            try await eventually("they were known and could not be reached") {
                let counters = await a.counters()
                return counters.drops[.sendFailed, default: 0] > 3 ? true : nil
            }
            // And a closed port: its "port unreachable" comes back on the socket.
            let refused = Alive(
                node: "refused",
                incarnation: 1,
                address: NodeBench.loopback,
                port: try LoopbackPort.free()
            )
            try await NodeBench.send(refused.encoded(), to: endpoint)
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(endpoint)"])) { b, _ in
                try await eventually("a and b see each other") {
                    let states = [await NodeBench.state("b", on: a), await NodeBench.state("a", on: b)]
                    return states == [.alive, .alive] ? true : nil
                }
                try await eventually("the ghosts are dead") {
                    let members = await a.members().filter { $0.name != "a" && $0.name != "b" }
                    return members.allSatisfy { $0.state == .dead } ? true : nil
                }
                #expect(await NodeBench.state("b", on: a) == .alive)
            }
        }
    }

    @Test func slowStreamIsClosed() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { a, endpoint in
            let stream = try await NodeBench.connect(to: endpoint)
            // The beginning of a user message.
            try await stream.writeAndFlush(ByteBuffer(bytes: [8, 0x81]))
            try await stream.closeFuture.get()
            #expect(await a.counters().drops[.streamTimeout] == 1)
        }
    }

    @Test func manyStreamsDoNotBlockOthers() async throws {
        var configuration = NodeBench.configuration("a")
        configuration.gossip.streamTimeout = .seconds(5)
        let log = CapturedLog()
        try await NodeBench.with(configuration, log: log) { a, endpoint in
            var streams: [any Channel] = []
            for _ in 0..<200 { streams.append(try await NodeBench.connect(to: endpoint)) }
            try await eventually("those beyond 128 are closed") {
                await a.counters().drops[.streamLimit, default: 0] >= 200 - 128 ? true : nil
            }
            // They send nothing and are closed; a peer that comes then is accepted.
            for stream in streams { try await stream.closeFuture.get() }
            #expect(await a.counters().drops[.streamTimeout, default: 0] <= 128)
            try await NodeBench.with(NodeBench.configuration("b", peers: ["\(endpoint)"])) { b, _ in
                try await NodeBench.sees(a, ["a", "b"])
                try await NodeBench.sees(b, ["a", "b"])
            }
            #expect(log.lines.count { $0.contains(DropReason.streamLimit.explanation) } == 1)
        }
    }

    @Test func unrequestedResponseIsDropped() async throws {
        try await NodeBench.with(NodeBench.configuration("a")) { a, endpoint in
            for message in [StreamMessage.failure(RemoteFailure("no")), .acknowledgement(Acknowledgement(sequence: 1))]
            {
                let stream = try await NodeBench.connect(to: endpoint)
                try await stream.writeAndFlush(ByteBuffer(bytes: message.encoded()))
                try await stream.closeFuture.get()
            }
            #expect(await a.counters().drops[.unexpected] == 2)
        }
    }
}

struct DropLogTests {
    private func host(_ number: Int) -> WireAddress {
        WireAddress([10, 0, UInt8(number >> 8), UInt8(number & 255)]) ?? .none
    }

    @Test func dropIsLoggedAgainAfterAWhile() {
        var log = DropLog()
        var now = GossipTime(nanoseconds: 0)
        #expect(log.shouldLog(.key, from: host(1), now: now) && !log.shouldLog(.key, from: host(1), now: now))
        #expect(log.shouldLog(.label, from: host(1), now: now) && log.shouldLog(.key, from: host(2), now: now))
        now = now + DropLog.repetition
        let isLoggedAgain = log.shouldLog(.key, from: host(1), now: now)
        #expect(isLoggedAgain)
    }

    @Test func linesOfStrangersAreLimited() {
        var log = DropLog()
        var now = GossipTime(nanoseconds: 0)
        var lines = 0
        for _ in 0..<10 {
            for number in 0..<1000 where log.shouldLog(.key, from: host(number), now: now) { lines += 1 }
            now = now + DropLog.window
        }
        #expect(lines == 10 * DropLog.maximumLines)
    }
}

struct GossipFeedTests {
    @Test func slowReaderLosesTheOldestAndGetsTheirNumber() async {
        let readers = GossipReaders<Int>()
        var iterator = readers.feed().makeAsyncIterator()
        for number in 0..<GossipFeed<Int>.limit + 5 { readers.push(number) }
        readers.finish()
        guard case .missed(5)? = await iterator.next(), case .element(5)? = await iterator.next() else {
            Issue.record("the lost elements were not reported")
            return
        }
        var last = 5
        while case .element(let number)? = await iterator.next() {
            #expect(number == last + 1)
            last = number
        }
        #expect(last == GossipFeed<Int>.limit + 4)
    }

    @Test func eachReaderHasItsOwnFeed() async {
        let readers = GossipReaders<Int>()
        var one = readers.feed().makeAsyncIterator()
        readers.push(1)
        var two = readers.feed().makeAsyncIterator()
        readers.push(2)
        guard case .element(1)? = await one.next(), case .element(2)? = await two.next(),
            case .element(2)? = await one.next()
        else {
            Issue.record("not what was pushed")
            return
        }
    }

    @Test func cancelledReaderEnds() async {
        let readers = GossipReaders<Int>()
        let feed = readers.feed()
        let task = Task { for await _ in feed {} }
        task.cancel()
        await task.value
    }
}
