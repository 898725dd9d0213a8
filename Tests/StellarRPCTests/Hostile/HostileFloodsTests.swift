import Glibc
import NIOCore
import StellarRPC
import StellarTestKit
import Testing

/// Clients that send much, hold much or never finish. Each would take a gigabyte or a connection for ever; the server's
/// memory is measured before and after. The bound is loose, since other tests run in this process.
@Suite(.serialized) struct HostileFloodsTests {
    private static let memoryBound = 256 << 20

    /// Repeats `chunk` until the server ends the connection, which it has to explain with one of these codes (RFC 9113
    /// section 7).
    private func flood(
        _ address: RPCAddress,
        start: [UInt8] = H2.hello,
        limit: Int = 1 << 30,
        codes: Set<UInt32> = [11],
        _ chunk: (Int) -> [UInt8]
    ) async throws {
        let before = residentBytes()
        let connection = try RawConnection(to: address)
        try await connection.send(start)
        var sent = 0
        var round = 0
        let deadline = ContinuousClock.now + .seconds(60)
        while connection.ending == nil, sent < limit, ContinuousClock.now < deadline {
            let bytes = chunk(round)
            try await connection.send(bytes)
            connection.receiveNow()
            sent += bytes.count
            round += 1
        }
        try await connection.awaitEnd()
        connection.receiveRest()
        #expect(codes.contains(connection.goAway?.code ?? 0), "\(String(describing: connection.goAway))")
        #expect(sent < limit, "the flood was stopped")
        #expect(residentBytes() - before < Self.memoryBound)
    }

    @Test func continuationFlood() async throws {
        try await underAttack { address in
            let opening = H2.hello + H2.frame(1, stream: 1, H2.request("Unary"))
            let more = (0..<64).flatMap { _ in
                H2.frame(9, stream: 1, H2.field("x", String(repeating: "y", count: 1000)))
            }
            try await flood(address, start: opening) { _ in more }
        }
    }

    @Test func emptyContinuationFlood() async throws {
        try await underAttack { address in
            let more = (0..<1000).flatMap { _ in H2.frame(9, stream: 1) }
            try await flood(address, start: H2.hello + H2.frame(1, stream: 1, H2.request("Unary"))) { _ in more }
        }
    }

    @Test func rapidReset() async throws {
        try await underAttack { address in
            let request = H2.request("Wait")
            try await flood(address) { round in
                (0..<100).flatMap { index -> [UInt8] in
                    let stream = UInt32((round * 100 + index) * 2 + 1)
                    return H2.headers(stream, request, end: false) + H2.frame(3, stream: stream, [0, 0, 0, 8])
                }
            }
        }
    }

    /// Protocol errors make the server send resets: CVE-2025-8671.
    @Test func madeYouReset() async throws {
        try await underAttack { address in
            let request = H2.request("Wait")
            // Frames on streams that are closed already are against the protocol as well.
            try await flood(address, codes: [1, 11]) { round in
                (0..<100).flatMap { index -> [UInt8] in
                    let stream = UInt32((round * 100 + index) * 2 + 1)
                    return H2.headers(stream, request) + H2.frame(8, stream: stream, [0, 0, 0, 0])
                }
            }
        }
    }

    @Test func pingFlood() async throws {
        try await underAttack { address in
            let pings = (0..<1000).flatMap { _ in H2.frame(6, Array(repeating: 0, count: 8)) }
            try await flood(address) { _ in pings }
        }
    }

    @Test func settingsFlood() async throws {
        try await underAttack { address in
            let settings = (0..<1000).flatMap { _ in H2.frame(4, [0, 4, 0, 0, 0xff, 0xff]) }
            try await flood(address) { _ in settings }
        }
    }

    @Test func emptyDataFlood() async throws {
        try await underAttack { address in
            let frames = (0..<1000).flatMap { _ in H2.data(1, []) }
            try await flood(address, start: H2.hello + H2.headers(1, H2.request("Bidirectional"))) { _ in frames }
        }
    }

    @Test func priorityFlood() async throws {
        try await underAttack { address in
            let frames = (0..<1000).flatMap { H2.frame(2, stream: UInt32($0 * 2 + 1), [0, 0, 0, 0, 16]) }
            try await flood(address) { _ in frames }
        }
    }

    /// Oversized header lists, again and again, each compressed to a few bytes by a table entry (an "HPACK bomb").
    @Test func headerBomb() async throws {
        try await underAttack { address in
            let value = String(repeating: "v", count: 4000)
            // Literal with incremental indexing puts it in the table; 0xbe then means entry 62, the newest.
            let entry = [0x40] + H2.field("x-bomb", value).dropFirst()
            let bomb = Array(entry) + Array(repeating: UInt8(0xbe), count: 10_000)
            try await flood(address) { round in H2.headers(UInt32(round * 2 + 1), H2.request("Unary") + bomb, end: true)
            }
        }
    }

    /// The responses to the pings fill the socket, so no GOAWAY can be sent. The connection still ends.
    @Test func pingFloodUnread() async throws {
        try await underAttack { address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello)
            let pings = (0..<100).flatMap { _ in H2.frame(6, Array(repeating: 0, count: 8)) }
            var rest = pings[...]
            try await eventually("the server ends the connection", within: .seconds(60)) { () -> Bool? in
                rest = rest.dropFirst(connection.sendNow(rest))
                if rest.isEmpty { rest = pings[...] }
                return connection.ending == nil ? nil : true
            }
        }
    }

    // MARK: - Those who wait

    @Test(arguments: ["", "PRI * HT", "preface", "half a frame"])
    func silenceBeforeTheHandshakeEnds(_ kind: String) async throws {
        var limits = RPCServerLimits()
        limits.handshakeTimeout = .milliseconds(300)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            switch kind {
            case "preface": try await connection.send(H2.preface)
            case "half a frame": try await connection.send(H2.preface + [0, 0, 6, 4])
            default: try await connection.send(Array(kind.utf8))
            }
            try await connection.awaitEnd()
        }
    }

    @Test func slowPrefaceEnds() async throws {
        var limits = RPCServerLimits()
        limits.handshakeTimeout = .milliseconds(500)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            var rest = H2.hello[...]
            try await eventually("the server ends the connection", every: .milliseconds(100)) { () -> Bool? in
                rest = rest.dropFirst(connection.sendNow(rest.prefix(1)))
                connection.receiveNow()
                return connection.ending == nil ? nil : true
            }
            #expect(!rest.isEmpty)
        }
    }

    @Test func anUnfinishedHeaderBlockEnds() async throws {
        var limits = RPCServerLimits()
        limits.frameTimeout = .milliseconds(300)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello + H2.frame(1, stream: 1, H2.request("Unary")))
            try await connection.awaitEnd()
        }
    }

    @Test func anUnfinishedRequestFails() async throws {
        var limits = RPCServerLimits()
        limits.requestTimeout = .milliseconds(300)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello + H2.headers(1, H2.request("Unary")) + H2.data(1, [0, 0, 0]))
            try await connection.awaitFrame("the call fails") { $0.stream == 1 && ($0.endsStream || $0.type == 3) }
        }
    }

    /// Single bytes are no progress.
    @Test func aTrickledRequestFails() async throws {
        var limits = RPCServerLimits()
        limits.requestTimeout = .milliseconds(500)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            let opening = H2.headers(1, H2.request("Unary")) + H2.data(1, H2.message([], length: 1 << 20))
            try await connection.send(H2.hello + opening)
            try await eventually("the call fails", within: .seconds(60), every: .milliseconds(50)) { () -> Bool? in
                _ = connection.sendNow(H2.data(1, [0])[...])
                connection.receiveNow()
                return H2.fields(of: 1, in: connection.frames)["grpc-status"] == "4" ? true : nil
            }
        }
    }

    @Test func anIdleConnectionEnds() async throws {
        var limits = RPCServerLimits()
        limits.idleTimeout = .milliseconds(300)
        try await underAttack(limits) { address in
            let connection = try RawConnection(to: address)
            try await connection.send(H2.hello)
            try await connection.awaitEnd()
        }
    }

    /// A hundred streams of a gigabyte each, which the client's window holds back.
    @Test func zeroWindowHoldsLittle() async throws {
        try await underAttack { address in
            let before = residentBytes()
            let connection = try RawConnection(to: address)
            var bytes = H2.preface + H2.frame(4, [0, 4, 0, 0, 0, 0])
            for index in 0..<100 {
                let stream = UInt32(index * 2 + 1)
                bytes += H2.headers(stream, H2.request("ServerStream"))
                bytes += H2.data(stream, H2.message(Array("10000 100000".utf8)), end: true)
            }
            try await connection.send(bytes)
            try await eventually("every call has a response") { () -> Bool? in
                connection.receiveNow()
                return Set(connection.frames.filter { $0.type == 1 }.map(\.stream)).count == 100 ? true : nil
            }
            try await Task.sleep(for: .milliseconds(500))
            #expect(residentBytes() - before < Self.memoryBound)
        }
    }

    /// The window is open, but the client reads nothing from the socket.
    @Test func aClientThatNeverReadsIsClosed() async throws {
        var limits = RPCServerLimits()
        limits.writeTimeout = .milliseconds(500)
        try await underAttack(limits) { address in
            let before = residentBytes()
            let connection = try RawConnection(to: address)
            var bytes = H2.preface + H2.frame(4, [0, 4, 0x7f, 0xff, 0xff, 0xff]) + H2.frame(8, [0x7f, 0, 0, 0])
            for index in 0..<50 {
                let stream = UInt32(index * 2 + 1)
                bytes += H2.headers(stream, H2.request("ServerStream"))
                bytes += H2.data(stream, H2.message(Array("10000 100000".utf8)), end: true)
            }
            try await connection.send(bytes)
            // A client that stopped reading sees the end by its own writes.
            try await eventually("the server ends the connection") { () -> Bool? in
                _ = connection.sendNow(H2.frame(6, Array(repeating: 0, count: 8))[...])
                return connection.ending == nil ? nil : true
            }
            #expect(residentBytes() - before < Self.memoryBound)
        }
    }

    /// The stream's window holds back a client whose handler reads none of its messages.
    @Test func anUnreadStreamHoldsLittle() async throws {
        try await underAttack { address in
            let before = residentBytes()
            let connection = try RawConnection(to: address)
            var bytes = H2.hello
            for index in 0..<100 { bytes += H2.headers(UInt32(index * 2 + 1), H2.request("Deaf")) }
            // As far as the connection's first window goes; the server gives no more of it than its handlers read.
            for index in 0..<7 {
                bytes += H2.data(UInt32(index * 2 + 1), H2.message(Array(repeating: 0, count: 8000), length: 16 << 20))
            }
            try await connection.send(bytes)
            try await connection.send(H2.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]))
            try await connection.awaitFrame("the response to a ping") { $0.type == 6 && $0.flags == 1 }
            #expect(residentBytes() - before < Self.memoryBound)
        }
    }

    @Test func thousandsOfConnectionsAreBounded() async throws {
        var limits = RPCServerLimits()
        limits.maxConnections = 200
        var files = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        files.rlim_cur = files.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        let count = min(3000, Int(files.rlim_cur) / 3)
        try await underAttack(limits) { address in
            let before = residentBytes()
            var connections: [RawConnection] = []
            for _ in 0..<count {
                let connection = try RawConnection(to: address)
                _ = connection.sendNow(H2.hello[...])
                connections.append(connection)
            }
            try await eventually("all but 200 are closed") { () -> Bool? in
                for connection in connections { connection.receiveNow() }
                return connections.count { $0.ending != nil } == count - 200 ? true : nil
            }
            #expect(residentBytes() - before < Self.memoryBound)
        }
    }
}
