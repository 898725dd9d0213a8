import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

/// A query as a client writes it.
func queryBytes(
    _ name: String,
    _ type: DNSType = .a,
    id: UInt16 = 0x1234,
    recursion: Bool = true,
    extended: Int? = nil
) throws -> [UInt8] {
    var writer = DNSWriter()
    writer.append(id)
    writer.append(UInt16(recursion ? 0x0100 : 0))
    writer.append(UInt16(1))
    writer.append(UInt32(0))
    writer.append(UInt16(extended == nil ? 0 : 1))
    writer.append(try #require(DNSName(name)).wire)
    writer.append(type.rawValue)
    writer.append(UInt16(1))
    if let extended {
        writer.append([0])
        writer.append(DNSType.opt.rawValue)
        writer.append(UInt16(extended))
        writer.append(UInt32(0))
        writer.append(UInt16(0))
    }
    return writer.bytes
}

private func replica(_ number: Int, _ address: String) -> [Record] {
    let name = "demo.web.\(number).stellar"
    return [
        Record(type: .a, name: name, value: address),
        Record(type: .a, name: "demo.web.stellar", value: address),
        Record(type: .txt, name: name, value: "node=n1; updated=2026-01-01T00:00:00Z"),
        Record(
            type: .srv,
            name: name,
            value: name,
            options: .init(service: "site", protocol: "http", port: 8080)
        ),
    ]
}

private let zone = Zone(
    replica(0, "172.16.0.2") + replica(1, "172.16.0.3") + replica(10, "172.16.0.4") + [
        Record(type: .cname, name: "alias.stellar", value: "demo.web.0.stellar"),
        Record(type: .cname, name: "loop.stellar", value: "loop.stellar."),
        Record(type: .cname, name: "dangling.stellar", value: "nobody.stellar"),
        Record(type: .cname, name: "out.stellar", value: "www.example.org"),
        Record(type: .mx, name: "demo.stellar", value: "10 demo.web.0.stellar"),
        Record(type: .txt, name: "long.stellar", value: String(repeating: "x", count: 3000)),
        Record(type: .a, name: "own.example.org", value: "10.9.9.9"),
    ]
)

/// The response, decoded.
private func response(_ bytes: [UInt8], overStream: Bool = false, zone: Zone = zone) throws -> DNSMessage {
    guard case .respond(let bytes) = NameserverMachine.decide(bytes, zone: zone, overStream: overStream) else {
        throw DNSFormatError.short
    }
    return try DNSMessage(bytes)
}

private func addresses(_ message: DNSMessage) -> [String] {
    message.answers.filter { $0.type == .a }.compactMap { IPv4Address(octets: message.bytes[$0.data])?.description }
}

struct NameserverMachineTests {
    @Test func aReplicasNameHasItsAddressAlone() throws {
        let message = try response(try queryBytes("demo.web.1.stellar"))
        #expect(addresses(message) == ["172.16.0.3"])
        #expect(message.header.code == .noError)
        #expect(message.header.id == 0x1234)
        // Response, recursion desired and available, not authoritative (contract section 4.7).
        #expect(message.header.flags == 0x8180)
        #expect(message.answers.map(\.timeToLive) == [0])
        // TXT and SRV are in the additional section.
        #expect(message.additionals.map(\.type) == [.txt, .srv])
        #expect(message.additionals.last?.name == DNSName("_site._tcp.demo.web.1.stellar"))
    }

    @Test func aServicesNameHasAllReplicasInTurns() throws {
        var first: Set<String> = []
        for id in UInt16(0)..<3 {
            let found = addresses(try response(try queryBytes("demo.web.stellar", id: id)))
            #expect(Set(found) == ["172.16.0.2", "172.16.0.3", "172.16.0.4"])
            first.insert(try #require(found.first))
        }
        #expect(first.count == 3)
    }

    @Test func caseDoesNotMatterAndComesBack() throws {
        let bytes = try queryBytes("DeMo.wEb.0.STELLAR")
        let message = try response(bytes)
        #expect(addresses(message) == ["172.16.0.2"])
        #expect(Array(message.bytes[12..<bytes.count]) == Array(bytes[12...]))
        #expect(message.answers.first?.name == DNSName("DeMo.wEb.0.STELLAR"))
    }

    @Test(
        arguments: [
            ("demo.web.2.stellar", DNSType.a, DNSResponseCode.noSuchName),
            ("demo.web.1.stellar", .aaaa, .noError),  // the name is there, the type is not
            ("web.1.stellar", .a, .noError),  // no records, but names below it
            ("web.2.stellar", .a, .noSuchName),
            ("demo.web", .a, nil),  // not ours: forwarded
            ("xdemo.web.0.stellar", .a, .noSuchName),
            ("x.demo.web.0.stellar", .a, .noSuchName),
            ("stellar", .a, .noError),
            ("demo.stellar", .a, .noError),
            ("notstellar", .a, nil),
            ("example.org", .a, nil),
            ("own.example.org", .aaaa, .noError),
            ("alias.stellar", .aaaa, .noError),
            ("dangling.stellar", .a, .noSuchName),
            ("loop.stellar", .a, .serverFailure),
            ("demo.web.0.stellar", DNSType(rawValue: 252), .refused),
        ] as [(String, DNSType, DNSResponseCode?)]
    )
    func responseCodes(name: String, type: DNSType, expected: DNSResponseCode?) throws {
        let decision = NameserverMachine.decide(try queryBytes(name, type), zone: zone, overStream: false)
        switch decision {
        case .respond(let bytes):
            let message = try DNSMessage(bytes)
            #expect(message.header.code == expected)
            #expect(message.answers.allSatisfy { $0.type == .cname })
        case .forward: #expect(expected == nil)
        default: Issue.record("\(decision)")
        }
    }

    @Test func ourNamesAreNotForwardedWithoutRecords() throws {
        let message = try response(try queryBytes("demo.web.0.stellar"), zone: .empty)
        #expect(message.header.code == .noSuchName)
        guard case .forward = NameserverMachine.decide(try queryBytes("example.org"), zone: .empty, overStream: false)
        else {
            Issue.record("other names must still be forwarded")
            return
        }
    }

    @Test func aliasIsFollowed() throws {
        let message = try response(try queryBytes("alias.stellar"))
        #expect(message.answers.map(\.type) == [.cname, .a])
        #expect(message.answers.last?.name == DNSName("demo.web.0.stellar"))
        let itself = try response(try queryBytes("alias.stellar", .cname))
        #expect(itself.answers.map(\.type) == [.cname])
        guard
            case .follow(_, let aliases, let target) = NameserverMachine.decide(
                try queryBytes("out.stellar"),
                zone: zone,
                overStream: false
            )
        else {
            Issue.record("a CNAME out of the zone is forwarded")
            return
        }
        #expect(aliases.count == 1)
        #expect(target == DNSName("www.example.org"))
    }

    @Test(arguments: ["_site._tcp", "_site._http", "_SITE._Tcp"]) func serviceLeadsToTheReplicasName(
        owner: String
    ) throws {
        let message = try response(try queryBytes("\(owner).demo.web.0.stellar", .srv))
        let record = try #require(message.answers.first)
        #expect(message.answers.count == 1)
        let data = try message.expandedData(of: record)
        #expect(Array(data.prefix(6)) == [0, 0, 0, 0, 0x1f, 0x90])
        #expect(Array(data.dropFirst(6)) == DNSName("demo.web.0.stellar")?.wire)
        let additional = try #require(message.additionals.first)
        #expect(additional.type == .a)
        #expect(additional.name == DNSName("demo.web.0.stellar"))
    }

    @Test func mailHostComesWithItsAddress() throws {
        let message = try response(try queryBytes("demo.stellar", .mx))
        #expect(message.answers.map(\.type) == [.mx])
        #expect(message.additionals.map(\.type) == [.a])
    }

    @Test func longResponsesAreTruncatedByDatagramAndWholeByStream() throws {
        let cut = try response(try queryBytes("long.stellar", .txt))
        #expect(cut.header.isTruncated)
        #expect(cut.bytes.count <= 512)
        let whole = try response(try queryBytes("long.stellar", .txt), overStream: true)
        #expect(!whole.header.isTruncated)
        #expect(whole.answers.first?.data.count == 3000 + 12)
        // Many addresses: 1232 bytes with EDNS, and the OPT record is still in.
        let many = Zone((0..<200).map { Record(type: .a, name: "many.stellar", value: "10.0.0.\($0)") })
        let extended = try response(try queryBytes("many.stellar", extended: 4096), zone: many)
        #expect(extended.header.isTruncated)
        #expect(extended.bytes.count <= 1232)
        #expect(extended.bytes.count > 1200)
        #expect(extended.additionals.map(\.type) == [.opt])
    }

    @Test func unknownEDNSVersionIsRefused() throws {
        var bytes = try queryBytes("demo.web.0.stellar", extended: 1232)
        bytes[bytes.count - 5] = 1
        let message = try response(bytes)
        #expect(message.header.code.rawValue == 0)
        #expect(message.additionals.first.map { $0.timeToLive >> 24 } == 1)
    }

    @Test func responsesGetNoResponse() throws {
        var bytes = try queryBytes("demo.web.0.stellar")
        bytes[2] |= 0x80
        #expect(NameserverMachine.decide(bytes, zone: zone, overStream: false) == .drop)
        #expect(NameserverMachine.decide([], zone: zone, overStream: false) == .drop)
        #expect(NameserverMachine.decide(Array(bytes.prefix(11)), zone: zone, overStream: false) == .drop)
    }

    @Test func aQueryWithoutAQuestionIsAFormatError() throws {
        let none = try queryBytes("demo.web.0.stellar").prefix(12)
        var empty = Array(none)
        empty[5] = 0
        #expect(try response(empty).header.code == .formatError)
        var update = try queryBytes("demo.web.0.stellar")
        update[2] |= 5 << 3
        #expect(try response(update).header.code == .notImplemented)
        #expect(try response(Array(none)).header.code == .formatError)
        // The root, and an SRV query with too few labels (both ended the original).
        guard case .forward = NameserverMachine.decide(try queryBytes("."), zone: zone, overStream: false) else {
            Issue.record("the root is not ours")
            return
        }
        #expect(try response(try queryBytes("stellar", .srv)).header.code == .noError)
    }

    /// For our names and others; the response is not longer than the query.
    @Test(arguments: ["example.org", "demo.web.0.stellar", "nobody.stellar", "long.stellar"])
    func clientsOutsideTheServedNetworksAreRefused(name: String) throws {
        let bytes = try queryBytes(name, .any, extended: 1232)
        let decision = NameserverMachine.decide(bytes, zone: zone, overStream: false, isStranger: true)
        guard case .respond(let refused) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(try DNSMessage(refused).header.code == .refused)
        #expect(refused.count <= bytes.count)
    }

    @Test func withoutRecursionNothingIsForwarded() throws {
        #expect(try response(try queryBytes("example.org", recursion: false)).header.code == .refused)
        #expect(addresses(try response(try queryBytes("demo.web.0.stellar", recursion: false))) == ["172.16.0.2"])
    }

    @Test func anyGivesEveryRecordOfTheName() throws {
        let message = try response(try queryBytes("demo.web.0.stellar", .any))
        #expect(message.header.code == .noError)
        #expect(Set(message.answers.map(\.type)) == [.a, .txt])
        #expect(try response(try queryBytes("web.0.stellar", .any)).answers.isEmpty)
    }

    /// CHAOS (`version.bind`), HESIOD and numbers without a class; ANY stands for all, ours among them.
    @Test(
        arguments: [(3, .refused), (4, .refused), (254, .refused), (0, .refused), (255, .noError)]
            as [(
                UInt16, DNSResponseCode
            )]
    )
    func responseCodesOfClasses(number: UInt16, expected: DNSResponseCode) throws {
        for name in ["demo.web.0.stellar", "version.bind"] where expected == .refused || name.hasSuffix(".stellar") {
            var bytes = try queryBytes(name)
            bytes.replaceSubrange(bytes.count - 2..<bytes.count, with: [UInt8(number >> 8), UInt8(number & 0xff)])
            #expect(try response(bytes).header.code == expected)
        }
    }

    @Test func recordsThatDNSCannotExpressAreNamed() {
        let zone = Zone([
            Record(type: .a, name: "a..stellar", value: "1.2.3.4"),
            Record(type: .a, name: "b.stellar", value: "1.2.3"),
            Record(type: .srv, name: "c.stellar", value: "c.stellar"),
            Record(type: .mx, name: "d.stellar", value: "x y z"),
        ])
        #expect(zone.rejected.map(\.record.name) == ["a..stellar", "b.stellar", "c.stellar", "d.stellar"])
    }
}

struct DNSCodecTests {
    @Test func pointersMustLeadBackwards() throws {
        // To itself, forward, and two that lead to each other.
        let header = [UInt8](repeating: 0, count: 12)
        for bytes in [[0xc0, 12], [0xc0, 14, 0], [0xc0, 14, 0xc0, 12]] as [[UInt8]] {
            var reader = DNSReader(header + bytes, at: 12)
            #expect(throws: DNSFormatError.badPointer) { try reader.name() }
        }
        var reader = DNSReader([1, 0x61, 0, 1, 0x62, 0xc0, 0], at: 3)
        #expect(try reader.name() == DNSName("b.a"))
        #expect(reader.position == 7)
    }

    @Test func aLongChainOfPointersEnds() {
        var bytes: [UInt8] = [0]
        for hop in 0..<64 { bytes += hop == 0 ? [0xc0, 0] : [0xc0, UInt8(1 + 2 * (hop - 1))] }
        var reader = DNSReader(bytes, at: bytes.count - 2)
        #expect(throws: DNSFormatError.badPointer) { try reader.name() }
    }

    @Test func namesHaveLimits() {
        let label = String(repeating: "a", count: 63)
        #expect(DNSName(label) != nil)
        #expect(DNSName(label + "a") == nil)
        #expect(DNSName([label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")) != nil)
        #expect(DNSName([label, label, label, String(repeating: "b", count: 62)].joined(separator: ".")) == nil)
        #expect(DNSName("a..b") == nil)
        #expect(DNSName("a.") == DNSName("a"))
        let wire = [UInt8](repeating: 1, count: 300)
        var reader = DNSReader(wire)
        #expect(throws: DNSFormatError.badName) { try reader.name() }
        var reserved = DNSReader([0x40, 0])
        #expect(throws: DNSFormatError.badName) { try reserved.name() }
    }

    /// Random bytes and broken queries: a response, a refusal or nothing, and never a trap.
    @Test(arguments: UInt64(0)..<64) func anyBytesAreSafe(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let seeds = [
            try queryBytes("demo.web.0.stellar", extended: 1232), try queryBytes("_site._tcp.demo.web.0.stellar", .srv),
            try queryBytes("example.org"),
        ]
        for _ in 0..<300 {
            var bytes = try #require(seeds.randomElement(using: &generator))
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if Bool.random(using: &generator) {
                bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
            }
            if Int.random(in: 0..<10, using: &generator) == 0 {
                bytes = (0..<Int.random(in: 0..<600, using: &generator)).map { _ in
                    .random(in: 0...255, using: &generator)
                }
            }
            _ = try? DNSMessage(bytes)
            let decision = NameserverMachine.decide(bytes, zone: zone, overStream: false)
            if case .respond(let answer) = decision {
                #expect(answer.count <= 1232)
                #expect(answer[0..<2] == bytes[0..<2])
                #expect((try? DNSMessage(answer)) != nil)
            }
        }
    }
}
