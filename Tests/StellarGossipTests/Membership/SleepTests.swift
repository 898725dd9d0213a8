import StellarTestKit
import Testing

@testable import StellarGossip

/// A machine that is not called for a long time: its process was stopped, or its computer suspended.
struct SleepTests {
    private typealias Bench = MembershipBench

    private static func cluster(_ configuration: GossipConfiguration = .lan) -> MembershipBench {
        var bench = Bench(configuration)
        for (index, name) in ["b", "c", "d", "e"].enumerated() {
            bench.receive(Bench.alive(name, 1, at: UInt8(index + 2)))
        }
        return bench
    }

    @Test func sleepingNodeSuspectsNobodyForThatTime() {
        var bench = Self.cluster()
        // A probe runs, and a suspicion is about to end.
        bench.pass(.milliseconds(1200))
        bench.receive(Bench.suspect("b", 1, from: "c"))
        #expect(bench.machine.probe != nil)
        bench.jump(.seconds(60))
        let events = bench.events()
        #expect(events.contains { if case .slept(let time) = $0 { time > .seconds(58) } else { false } })
        #expect(!Bench.names(events).contains { $0.hasPrefix("failed") })
        #expect(bench.machine.members.filter { $0.state == .suspect }.map(\.name) == ["b"])
        #expect(bench.machine.awarenessScore == 0, "an interrupted probe does not count against this node")
        // It has the whole time again to refute.
        #expect(!Bench.names(bench.pass(.milliseconds(3900))).contains("failed b"))
        bench.receive(Bench.alive("b", 2))
        #expect(bench.machine.member(named: "b")?.state == .alive)
    }

    @Test func sleepIsNoticedOnce() {
        var bench = Self.cluster()
        bench.pass(.seconds(2))
        bench.now = bench.now + .seconds(60)
        // The datagrams in the socket's buffer come first, before any timer.
        var slept = 0
        for incarnation in 2..<20 as Range<UInt32> {
            slept += bench.receive(Bench.alive("b", incarnation)).count { if case .slept = $0 { true } else { false } }
        }
        #expect(slept == 1 && bench.machine.counters.sleeps == 1)
        #expect(bench.machine.deadline >= bench.now)
    }

    @Test func pushPullStartsRightAfterASleep() {
        var bench = Self.cluster()
        bench.pass(.seconds(2))
        bench.jump(.seconds(60))
        let pushPulls = bench.machine.takeEffects().filter { if case .pushPull = $0 { true } else { false } }
        #expect(pushPulls.count == 1)
    }

    @Test func contestRestartsAfterASleep() {
        var bench = Self.cluster()
        #expect(bench.contest(Bench.alive("b", 9, at: 7), answering: [7]).isEmpty)
        bench.jump(.seconds(60))
        #expect(
            bench.machine.member(named: "b")?.endpoint == Bench.endpoint(2),
            "its acknowledgement may have come during the sleep"
        )
        let pinged = bench.pings().map(\.to)
        #expect(pinged.contains(Bench.endpoint(2)) && pinged.contains(Bench.endpoint(7)), "both are pinged again")
    }

    @Test func idleMachineDoesNotWake() {
        var bench = Bench()
        var wakes = 0
        func advance(to end: GossipTime) {
            while bench.machine.deadline <= end {
                bench.jump(bench.machine.deadline - bench.now)
                wakes += 1
            }
            bench.now = end
        }
        // Alone: it wakes only for push/pulls.
        advance(to: GossipTime(nanoseconds: 100_000_000_000))
        #expect(wakes <= 4)
        #expect(bench.machine.counters.sleeps == 0)
        // With another node the probes start, and without news nothing else does.
        bench.receive(Bench.alive("b", 1))
        #expect(bench.machine.deadline <= bench.now, "the news go out at once")
        advance(to: bench.now)
        #expect(bench.machine.firmDeadline <= bench.now + .seconds(1))
        #expect(bench.machine.counters.sleeps == 0)
    }

    @Test func shortDelayIsNotASleep() {
        var bench = Self.cluster()
        bench.pass(.seconds(2))
        bench.jump(.milliseconds(900))
        #expect(bench.machine.counters.sleeps == 0)
    }
}

/// Round trips, and the other state of a member.
struct MemberTests {
    private typealias Bench = MembershipBench

    @Test func roundTripIsSmoothedAsInRFC6298() {
        var roundTrip = RoundTrip(.milliseconds(80))
        #expect(roundTrip.smoothed == .milliseconds(80) && roundTrip.variation == .milliseconds(40))
        roundTrip.add(.milliseconds(160))
        #expect(roundTrip.smoothed == .milliseconds(90) && roundTrip.variation == .milliseconds(50))
        roundTrip.add(.milliseconds(90))
        #expect(roundTrip.smoothed == .milliseconds(90) && roundTrip.variation == .microseconds(37_500))
        #expect(roundTrip.samples == 3)
    }

    @Test func onlyDirectAcknowledgementsAreMeasured() throws {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        _ = bench.machine.takeEffects()
        func answered(after delay: Duration, _ bench: inout MembershipBench) throws {
            while bench.machine.probe == nil { bench.jump(bench.machine.deadline - bench.now) }
            let sequence = try #require(bench.machine.probe?.sequence)
            bench.jump(delay)
            bench.receive(.acknowledgement(Acknowledgement(sequence: sequence)))
        }
        try answered(after: .milliseconds(10), &bench)
        #expect(bench.machine.member(named: "b")?.roundTrip?.smoothed == .milliseconds(10))
        // After the time-out of the direct ping the acknowledgement may come through a helper.
        try answered(after: .milliseconds(700), &bench)
        #expect(bench.machine.member(named: "b")?.roundTrip?.samples == 1)
    }

    @Test func deadNodeCanBeForgottenEarly() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.receive(Bench.alive("c", 1, at: 3))
        #expect(!bench.machine.forget("b") && !bench.machine.forget("me"))
        bench.receive(Bench.dead("b", 1))
        #expect(bench.machine.forget("b") && bench.machine.member(named: "b") == nil)
        let isForgotten = bench.machine.forget("unknown")
        #expect(isForgotten)
        bench.pass(.seconds(60))
        #expect(Bench.names(bench.receive(Bench.alive("b", 1))) == ["joined b"])
    }

    @Test func lastSeenIsTheTimeOfTheSuspicion() {
        var bench = Bench()
        bench.receive(Bench.alive("b", 1))
        bench.pass(.milliseconds(100))
        let suspected = bench.now
        bench.receive(Bench.suspect("b", 1))
        bench.pass(.seconds(5))
        #expect(bench.machine.member(named: "b")?.state == .dead)
        #expect(bench.machine.member(named: "b")?.lastSeen == suspected)
    }
}
