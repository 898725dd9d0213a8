import StellarTestKit
import Testing

@testable import StellarGossip

/// Alive, suspect and dead messages about other nodes and about the machine's own.
struct ClaimsTests {
    private typealias Bench = MembershipBench

    @Test func laterIncarnationWinsAndOfEqualOnesTheWorseState() {
        var bench = Bench()
        #expect(Bench.names(bench.receive(Bench.alive("b", 5))) == ["joined b"])
        #expect(bench.receive(Bench.alive("b", 5)).isEmpty && bench.receive(Bench.alive("b", 4)).isEmpty)
        #expect(bench.receive(Bench.suspect("b", 4)).isEmpty)
        #expect(bench.machine.member(named: "b")?.state == .alive)
        bench.receive(Bench.suspect("b", 5))
        #expect(bench.machine.member(named: "b")?.state == .suspect)
        bench.receive(Bench.alive("b", 5))
        #expect(bench.machine.member(named: "b")?.state == .suspect)
        bench.receive(Bench.alive("b", 6))
        #expect(bench.machine.member(named: "b")?.state == .alive)
        #expect(bench.receive(Bench.dead("b", 5)).isEmpty)
        #expect(Bench.names(bench.receive(Bench.dead("b", 6))) == ["failed b"])
        #expect(bench.receive(Bench.alive("b", 6)).isEmpty && bench.receive(Bench.suspect("b", 6)).isEmpty)
        #expect(Bench.names(bench.receive(Bench.alive("b", 7))) == ["joined b"])
        #expect(Bench.names(bench.receive(Bench.dead("b", 7, from: "b"))) == ["left b"])
        #expect(bench.machine.counters.staleClaims > 0)
    }

    @Test func suspectDiesUnlessItRefutes() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.receive(Bench.suspect("b", 1))
        // Two nodes: no third one can confirm, so it is the shortest time, four seconds.
        #expect(bench.pass(.milliseconds(3900)).isEmpty)
        #expect(Bench.names(bench.pass(.milliseconds(200))).contains("failed b"))
        var other = Bench()
        other.receive(Bench.alive("b", 1))
        other.receive(Bench.suspect("b", 1))
        other.receive(Bench.alive("b", 2))
        #expect(other.machine.member(named: "b")?.state == .alive)
    }

    @Test func confirmationsByOthersShortenASuspicion() {
        func life(_ accusers: [String]) -> Duration {
            var bench = Bench()
            for (index, name) in ["b", "c", "d", "e", "f"].enumerated() {
                bench.receive(Bench.alive(name, 1, at: UInt8(2 + index)))
            }
            for accuser in accusers { bench.receive(Bench.suspect("b", 1, from: accuser)) }
            let start = bench.now
            while bench.machine.member(named: "b")?.state == .suspect {
                bench.pass(.milliseconds(100))
            }
            return bench.now - start
        }
        let (one, two, three) = (life(["c"]), life(["c", "d"]), life(["c", "d", "e"]))
        // The node itself soon confirms, too, because its probes are not answered here.
        #expect(one > two && two >= three)
        // A repeated suspicion of one node confirms nothing.
        #expect(life(["c", "c", "c"]) == one)
    }

    @Test func nodeRefutesItsOwnSuspicionAndDeath() {
        for message in [
            Bench.suspect("me", 1), Bench.dead("me", 1), Bench.dead("me", 40), Bench.dead("me", 3, from: "me"),
        ] {
            var bench = Bench()
            #expect(bench.receive(message).isEmpty)
            #expect(bench.machine.own.state == .alive)
            #expect(bench.machine.own.incarnation > 1)
            #expect(bench.machine.counters.refutations == 1)
            #expect(bench.machine.queue.contains(subject: "me"))
        }
        var bench = Bench()
        bench.receive(Bench.dead("me", 40))
        #expect(bench.machine.own.incarnation == 41)
        #expect(bench.receive(Bench.dead("me", 12)).isEmpty && bench.machine.own.incarnation == 41)
    }

    /// After the highest number comes the lowest, so that no forged message is final.
    @Test func everyIncarnationHasASuccessor() {
        var bench = Bench()
        for accused in [UInt32(1) << 31, .max - 1, .max, 1 << 30, (1 << 31) - 1] {
            let before = bench.machine.own.incarnation
            bench.receive(Bench.dead("me", accused))
            let after = bench.machine.own.incarnation
            #expect(bench.machine.own.state == .alive && after != 0)
            // Either the accusation was stale, or the refutation is later for each node that believed it.
            #expect(after == before || Incarnation.isLater(after, than: accused))
        }
        bench.receive(Bench.alive("b", .max))
        #expect(Bench.names(bench.receive(Bench.dead("b", .max))) == ["failed b"])
        #expect(Bench.names(bench.receive(Bench.alive("b", 1))) == ["joined b"])
        #expect(bench.receive(Bench.dead("b", .max)).isEmpty)
    }

    @Test(arguments: [
        [0, 0, 0, 0], [0, 1, 2, 3], [224, 0, 0, 1], [239, 255, 0, 1], [255, 255, 255, 255],
        [UInt8](repeating: 0, count: 16), [0xFF, 2] + [UInt8](repeating: 0, count: 13) + [1],
    ])
    func addressOfNoHostIsRefused(address: [UInt8]) {
        var bench = Bench()
        let address = WireAddress(address) ?? .none
        #expect(bench.receive(.alive(Alive(node: "b", incarnation: 1, address: address, port: 1))).isEmpty)
        #expect(bench.machine.counters.unsoundClaims == 1 && bench.machine.member(named: "b") == nil)
    }

    /// Peers know the node from before its restart, with other metadata and a higher incarnation.
    @Test func restartedNodeOverrulesItsEarlierLife() {
        var bench = Bench()
        bench.receive(Bench.alive("me", 7, at: 1, metadata: [9]))
        #expect(bench.machine.own.incarnation == 8 && bench.machine.own.metadata.isEmpty)
        #expect(bench.receive(Bench.alive("me", 8, at: 1)).isEmpty && bench.machine.own.incarnation == 8)
    }

    @Test func liveNodeWithOurNameIsAConflict() {
        var bench = Bench()
        let claim = Bench.alive("me", 1, at: 7)
        #expect(Bench.names(bench.contest(claim, answering: [7])) == ["conflict me 10.0.0.7:7946"])
        #expect(bench.contest(claim, answering: []).isEmpty)
        #expect(bench.pass(.milliseconds(600)).isEmpty && bench.machine.own.endpoint == Bench.endpoint(1))
    }

    @Test func newMetadataIsAnUpdate() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        #expect(Bench.names(bench.receive(Bench.alive("b", 2, metadata: [1]))) == ["updated b"])
        #expect(bench.machine.member(named: "b")?.metadata == [1])
    }

    @Test func restartUnderANewAddressIsAcceptedAtOnce() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 5))
        #expect(bench.contest(Bench.alive("b", 1, at: 3), answering: [3]).isEmpty)
        #expect(bench.machine.member(named: "b")?.endpoint == Bench.endpoint(2))
        // The old address is pinged, and does not answer.
        #expect(Bench.names(bench.pass(.milliseconds(600))).contains("updated b"))
        #expect(bench.machine.member(named: "b")?.endpoint == Bench.endpoint(3))
        #expect(bench.machine.member(named: "b")?.incarnation == 1)
    }

    @Test func twoLiveNodesWithOneNameAreAConflict() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 5))
        let events = bench.contest(Bench.alive("b", 1, at: 3), answering: [2, 3])
        #expect(Bench.names(events) == ["conflict b 10.0.0.3:7946"])
        #expect(bench.machine.member(named: "b")?.endpoint == Bench.endpoint(2))
    }

    @Test(arguments: [[], [2]] as [[UInt8]])
    func addressWhereNobodyAnswersIsNotAccepted(answering: [UInt8]) {
        var bench = Bench()
        bench.receive(Bench.alive("b", 5))
        #expect(bench.contest(Bench.alive("b", 9, at: 3), answering: answering).isEmpty)
        #expect(bench.pass(.milliseconds(600)).isEmpty)
        #expect(bench.machine.member(named: "b")?.endpoint == Bench.endpoint(2))
    }

    @Test func withoutReclaimingADeadNodeKeepsItsNameAsInMemberlist() {
        var configuration = GossipConfiguration.lan
        configuration.reclaimAfter = nil
        var bench = Bench(configuration)
        bench.receive(Bench.alive("b", 1))
        #expect(Bench.names(bench.receive(Bench.alive("b", 9, at: 3))) == ["conflict b 10.0.0.3:7946"])
        bench.receive(Bench.dead("b", 1))
        #expect(Bench.names(bench.receive(Bench.alive("b", 9, at: 3))) == ["conflict b 10.0.0.3:7946"])
        bench.receive(Bench.alive("c", 1, at: 4))
        bench.receive(Bench.dead("c", 1, from: "c"))
        #expect(Bench.names(bench.receive(Bench.alive("c", 1, at: 5))) == ["joined c"])
    }

    @Test func deadNodesAreForgottenAfterTheirTime() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.receive(Bench.alive("c", 1, at: 3))
        bench.receive(Bench.dead("b", 1))
        bench.pass(.seconds(20))
        #expect(bench.machine.member(named: "b") != nil)
        bench.pass(.seconds(60))
        #expect(bench.machine.member(named: "b") == nil)
    }

    @Test func invalidMessagesAreCountedAndDropped() {
        var bench = Bench()
        let noAddress = Alive(node: "x", incarnation: 1, address: .none, port: 1)
        let noName = Alive(node: "", incarnation: 1, address: Bench.endpoint(3).address, port: 1)
        let versions = ProtocolVersions(minimum: 3, maximum: 2, current: 2)
        let unsound = Alive(
            node: "x",
            incarnation: 1,
            address: Bench.endpoint(3).address,
            port: 1,
            versions: versions
        )
        for claim in [noAddress, noName, unsound] { bench.receive(.alive(claim)) }
        bench.receive(Bench.suspect("stranger", 1))
        bench.receive(Bench.dead("stranger", 1))
        #expect(bench.machine.counters.unsoundClaims == 3 && bench.machine.counters.unknownNodes == 2)
        #expect(bench.machine.members.count == 1)
    }

    @Test func leaveMessageIsSentOftenEnough() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.machine.leave(now: bench.now)
        #expect(bench.machine.own.state == .left)
        #expect(Bench.names(bench.pass(.seconds(5))).contains("leave sent"))
        // No message brings it back.
        bench.receive(Bench.alive("me", 99, at: 1))
        #expect(bench.machine.own.state == .left)
        var alone = Bench()
        alone.machine.leave(now: alone.now)
        #expect(Bench.names(alone.events()).contains("leave sent"))
    }
}
