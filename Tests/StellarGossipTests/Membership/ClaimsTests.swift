import StellarTestKit
import Testing

@testable import StellarGossip

/// One machine, fed with claims about others and itself.
struct ClaimsTests {
    private static let configuration = GossipConfiguration.lan

    private struct Bench {
        var machine: MembershipMachine
        var random = SplitMix64(seed: 1)
        var now = GossipTime(nanoseconds: 0)

        init(_ configuration: GossipConfiguration = ClaimsTests.configuration) {
            machine = MembershipMachine(
                name: "me",
                endpoint: ClaimsTests.endpoint(1),
                configuration: configuration,
                now: now,
                using: &random
            )
        }

        /// What the machine told of nodes.
        @discardableResult
        mutating func receive(_ message: GossipMessage) -> [GossipEvent] {
            machine.receive(message, from: ClaimsTests.endpoint(9), now: now, using: &random)
            return events()
        }

        mutating func events() -> [GossipEvent] {
            machine.takeEffects().compactMap { if case .event(let event) = $0 { event } else { nil } }
        }

        /// Lets time pass, doing what is due.
        @discardableResult
        mutating func pass(_ duration: Duration) -> [GossipEvent] {
            let end = now + duration
            var all: [GossipEvent] = []
            while machine.deadline <= end {
                now = max(now, machine.deadline)
                machine.advance(now: now, using: &random)
                all += events()
            }
            now = end
            return all
        }
    }

    private static func endpoint(_ number: UInt8) -> GossipEndpoint {
        GossipEndpoint(address: WireAddress([10, 0, 0, number]) ?? .none, port: 7946)
    }

    private func alive(
        _ node: String,
        _ incarnation: UInt32,
        at number: UInt8 = 2,
        metadata: [UInt8] = []
    ) -> GossipMessage {
        let endpoint = Self.endpoint(number)
        return .alive(
            Alive(
                node: node,
                incarnation: incarnation,
                address: endpoint.address,
                port: endpoint.port,
                metadata: metadata
            )
        )
    }

    private func suspect(_ node: String, _ incarnation: UInt32, from: String = "c") -> GossipMessage {
        .suspect(Suspect(node: node, incarnation: incarnation, from: from))
    }

    private func dead(_ node: String, _ incarnation: UInt32, from: String = "c") -> GossipMessage {
        .dead(Dead(node: node, incarnation: incarnation, from: from))
    }

    private func names(_ events: [GossipEvent]) -> [String] {
        events.map { event in
            switch event {
            case .joined(let member): "joined \(member.name)"
            case .left(let member): "left \(member.name)"
            case .failed(let member): "failed \(member.name)"
            case .updated(let member): "updated \(member.name)"
            case .conflict(let member, let other): "conflict \(member.name) \(other)"
            case .farewellSent: "farewell"
            case .datagramsLost(let member): "datagrams lost \(member.name)"
            }
        }
    }

    /// alive(i) < suspect(i) < dead(i) < alive(i + 1): every pair of claims, in this order.
    @Test func theOrderOfClaimsIsThatOfThePaper() {
        var bench = Bench()
        #expect(names(bench.receive(alive("b", 5))) == ["joined b"])
        #expect(bench.receive(alive("b", 5)).isEmpty && bench.receive(alive("b", 4)).isEmpty)
        #expect(bench.receive(suspect("b", 4)).isEmpty)
        #expect(bench.machine.member(named: "b")?.state == .alive)
        bench.receive(suspect("b", 5))
        #expect(bench.machine.member(named: "b")?.state == .suspect)
        bench.receive(alive("b", 5))
        #expect(bench.machine.member(named: "b")?.state == .suspect)
        bench.receive(alive("b", 6))
        #expect(bench.machine.member(named: "b")?.state == .alive)
        #expect(bench.receive(dead("b", 5)).isEmpty)
        #expect(names(bench.receive(dead("b", 6))) == ["failed b"])
        #expect(bench.receive(alive("b", 6)).isEmpty && bench.receive(suspect("b", 6)).isEmpty)
        #expect(names(bench.receive(alive("b", 7))) == ["joined b"])
        #expect(names(bench.receive(dead("b", 7, from: "b"))) == ["left b"])
        #expect(bench.machine.counters.staleClaims > 0)
    }

    @Test func aSuspicionEndsInDeathUnlessItIsDenied() {
        var bench = Bench()
        bench.receive(alive("b", 1))
        bench.receive(suspect("b", 1))
        // Two nodes: nobody can confirm, so it is the shortest, four seconds.
        #expect(bench.pass(.milliseconds(3900)).isEmpty)
        #expect(names(bench.pass(.milliseconds(200))).contains("failed b"))
        var other = Bench()
        other.receive(alive("b", 1))
        other.receive(suspect("b", 1))
        other.receive(alive("b", 2))
        #expect(other.machine.member(named: "b")?.state == .alive)
    }

    @Test func confirmationsShortenIt() {
        func life(_ accusers: [String]) -> Duration {
            var bench = Bench()
            for (index, name) in ["b", "c", "d", "e", "f"].enumerated() {
                bench.receive(alive(name, 1, at: UInt8(2 + index)))
            }
            for accuser in accusers { bench.receive(suspect("b", 1, from: accuser)) }
            let start = bench.now
            while bench.machine.member(named: "b")?.state == .suspect {
                bench.pass(.milliseconds(100))
            }
            return bench.now - start
        }
        let (one, two, three) = (life(["c"]), life(["c", "d"]), life(["c", "d", "e"]))
        // The node itself soon is one of those who confirm, as nobody answers its probes here.
        #expect(one > two && two >= three)
        // The same one again confirms nothing.
        #expect(life(["c", "c", "c"]) == one)
    }

    @Test func aNodeObjectsToItsOwnDeath() {
        for message in [suspect("me", 1), dead("me", 1), dead("me", 40), dead("me", 3, from: "me")] {
            var bench = Bench()
            #expect(bench.receive(message).isEmpty)
            #expect(bench.machine.own.state == .alive)
            #expect(bench.machine.own.incarnation > 1)
            #expect(bench.machine.counters.refutations == 1)
            #expect(bench.machine.queue.contains(subject: "me"))
        }
        var bench = Bench()
        bench.receive(dead("me", 40))
        #expect(bench.machine.own.incarnation == 41)
        #expect(bench.receive(dead("me", 12)).isEmpty && bench.machine.own.incarnation == 41)
    }

    /// Peers know an earlier life, with other metadata and a higher incarnation.
    @Test func aNewLifeOverrulesTheOld() {
        var bench = Bench()
        bench.receive(alive("me", 7, at: 1, metadata: [9]))
        #expect(bench.machine.own.incarnation == 8 && bench.machine.own.metadata.isEmpty)
        #expect(bench.receive(alive("me", 8, at: 1)).isEmpty && bench.machine.own.incarnation == 8)
    }

    @Test func anotherWithOurNameIsNamed() {
        var bench = Bench()
        #expect(names(bench.receive(alive("me", 1, at: 7))) == ["conflict me 10.0.0.7:7946"])
    }

    @Test func metadataAndAddressesAreKept() {
        var bench = Bench()
        bench.receive(alive("b", 1))
        #expect(names(bench.receive(alive("b", 2, metadata: [1]))) == ["updated b"])
        #expect(bench.machine.member(named: "b")?.metadata == [1])
    }

    @Test func aRestartUnderANewAddressIsTakenUpAtOnce() {
        var bench = Bench()
        bench.receive(alive("b", 5))
        #expect(bench.receive(alive("b", 1, at: 3)).isEmpty)
        #expect(bench.machine.member(named: "b")?.endpoint == Self.endpoint(2))
        // The old one is asked, and does not answer.
        #expect(names(bench.pass(.milliseconds(600))).contains("updated b"))
        #expect(bench.machine.member(named: "b")?.endpoint == Self.endpoint(3))
        #expect(bench.machine.member(named: "b")?.incarnation == 1)
    }

    @Test func twoThatLiveUnderOneNameAreNamed() throws {
        var bench = Bench()
        bench.receive(alive("b", 5))
        _ = bench.machine.takeEffects()
        bench.machine.receive(alive("b", 1, at: 3), from: Self.endpoint(3), now: bench.now, using: &bench.random)
        let sent = bench.machine.takeEffects().compactMap { effect -> UInt32? in
            guard case .send(let messages, Self.endpoint(2), _) = effect,
                case .ping(let ping)? = PacketCodec().decode(messages[0][...]).messages.first
            else { return nil }
            return ping.sequence
        }
        let answer = GossipMessage.acknowledgement(Acknowledgement(sequence: try #require(sent.first)))
        #expect(names(bench.receive(answer)) == ["conflict b 10.0.0.3:7946"])
        #expect(bench.machine.member(named: "b")?.endpoint == Self.endpoint(2))
    }

    @Test func asMemberlistHasItWhereReclaimingIsOff() {
        var configuration = Self.configuration
        configuration.reclaimAfter = nil
        var bench = Bench(configuration)
        bench.receive(alive("b", 1))
        #expect(names(bench.receive(alive("b", 9, at: 3))) == ["conflict b 10.0.0.3:7946"])
        bench.receive(dead("b", 1))
        #expect(names(bench.receive(alive("b", 9, at: 3))) == ["conflict b 10.0.0.3:7946"])
        bench.receive(alive("c", 1, at: 4))
        bench.receive(dead("c", 1, from: "c"))
        #expect(names(bench.receive(alive("c", 1, at: 5))) == ["joined c"])
    }

    @Test func theDeadAreForgottenInTime() {
        var bench = Bench()
        bench.receive(alive("b", 1))
        bench.receive(alive("c", 1, at: 3))
        bench.receive(dead("b", 1))
        bench.pass(.seconds(20))
        #expect(bench.machine.member(named: "b") != nil)
        bench.pass(.seconds(60))
        #expect(bench.machine.member(named: "b") == nil)
    }

    @Test func whatCannotBeIsCountedAndDropped() {
        var bench = Bench()
        let nowhere = Alive(node: "x", incarnation: 1, address: .none, port: 1)
        let nobody = Alive(node: "", incarnation: 1, address: Self.endpoint(3).address, port: 1)
        let versions = ProtocolVersions(minimum: 3, maximum: 2, current: 2)
        let unsound = Alive(
            node: "x",
            incarnation: 1,
            address: Self.endpoint(3).address,
            port: 1,
            versions: versions
        )
        for claim in [nowhere, nobody, unsound] { bench.receive(.alive(claim)) }
        bench.receive(suspect("stranger", 1))
        bench.receive(dead("stranger", 1))
        #expect(bench.machine.counters.unsoundClaims == 3 && bench.machine.counters.unknownNodes == 2)
        #expect(bench.machine.members.count == 1)
    }

    @Test func aFarewellIsSaidOftenEnough() {
        var bench = Bench()
        bench.receive(alive("b", 1))
        bench.machine.leave(now: bench.now)
        #expect(bench.machine.own.state == .left)
        #expect(names(bench.pass(.seconds(5))).contains("farewell"))
        // Nobody brings it back.
        bench.receive(alive("me", 99, at: 1))
        #expect(bench.machine.own.state == .left)
        var alone = Bench()
        alone.machine.leave(now: alone.now)
        #expect(names(alone.events()).contains("farewell"))
    }
}
