import StellarTestKit
import Testing

@testable import StellarGossip

/// Whom a node looks for, and when.
struct RejoinTests {
    private typealias Bench = MembershipBench

    /// One `Rejoin`, whose tries end as the test wants.
    private struct Search {
        var rejoin: Rejoin
        var random = SplitMix64(seed: 1)
        var now = GossipTime(nanoseconds: 0)

        init(_ declared: [String] = [], _ configuration: RejoinConfiguration = RejoinConfiguration()) {
            let declared = declared.compactMap { PeerAddress($0) }
            rejoin = Rejoin(name: "me", declared: declared, configuration: configuration, now: now)
        }

        mutating func tries() -> [Rejoin.Try] { rejoin.takeTries(now: now) }

        mutating func end(_ attempt: Rejoin.Try, _ outcome: Rejoin.Outcome) {
            rejoin.ended(attempt, outcome, now: now, using: &random)
        }

        mutating func fail(_ attempt: Rejoin.Try) { end(attempt, .failed([], "refused")) }

        mutating func lose(_ member: Member) { rejoin.lost(member, now: now, using: &random) }

        /// How long it waits until the next try; the time goes on to there.
        mutating func wait() -> Duration? {
            guard let deadline = rejoin.deadline else { return nil }
            defer { now = max(now, deadline) }
            return deadline - now
        }
    }

    private static func member(_ name: String, at number: UInt8, _ state: NodeState = .alive) -> Member {
        var member = Member.nobody
        member.name = name
        member.address = Bench.endpoint(number).address
        member.port = Bench.endpoint(number).port
        member.state = state
        return member
    }

    private static func known(_ name: String, at number: UInt8, hasLeft: Bool = false) -> KnownPeer {
        KnownPeer(name: name, endpoint: Bench.endpoint(number), hasLeft: hasLeft, lastSeen: 1000)
    }

    @Test func allAreTriedAtOnceAtTheBeginning() {
        var search = Search(["seed", "10.0.0.9:1000"])
        search.rejoin.load(
            [Self.known("b", at: 2), Self.known("gone", at: 3, hasLeft: true), Self.known("me", at: 4)],
            unixSeconds: 1010,
            now: search.now
        )
        #expect(search.tries().map(\.address.description) == ["seed:7946", "10.0.0.9:1000", "10.0.0.2:7946"])
        #expect(search.rejoin.deadline == nil && search.tries().isEmpty, "they are under way")
        #expect(search.rejoin.known["b"]?.lastSeen == search.now + .seconds(-10))
    }

    @Test func aPeerIsLookedForForEverWithGrowingWaits() throws {
        var search = Search(["seed"])
        let configuration = search.rejoin.configuration
        var waits: [Duration] = []
        for _ in 0..<200 {
            let attempt = try #require(search.tries().first)
            search.fail(attempt)
            let pause = search.wait()
            let wait = try #require(pause)
            waits.append(wait)
        }
        var longest = configuration.firstDelay
        for wait in waits {
            #expect(wait <= longest && wait >= longest * (1 - configuration.jitter))
            longest = min(longest * configuration.factor, configuration.longestDelay)
        }
        #expect(Set(waits.suffix(50)).count == 50, "nobody keeps step with anybody")
        #expect(search.rejoin.targets.values.first?.lastError == "refused")
        #expect(search.rejoin.targets.values.first?.attempts == 200)
    }

    @Test func whoIsThereIsNotLookedForAndWhoDiesIs() throws {
        var search = Search()
        search.rejoin.saw(Self.member("b", at: 2))
        #expect(search.rejoin.deadline == nil)
        search.lose(Self.member("b", at: 2, .dead))
        let pause = search.wait()
        let wait = try #require(pause)
        #expect(wait <= search.rejoin.configuration.firstDelay)
        let attempt = try #require(search.tries().first)
        #expect(attempt == Rejoin.Try(target: .known("b"), address: PeerAddress(Bench.endpoint(2))))
        // Somebody answers, and tells of no b: it may be another at its address.
        search.end(attempt, .answered([Bench.endpoint(2)]))
        #expect(search.rejoin.deadline != nil)
        // It came back elsewhere.
        search.rejoin.saw(Self.member("b", at: 5))
        #expect(search.rejoin.deadline == nil && search.rejoin.targets[.known("b")]?.isReached == true)
        search.lose(Self.member("b", at: 5, .dead))
        _ = search.wait()
        #expect(search.tries().first?.address == PeerAddress(Bench.endpoint(5)))
    }

    @Test func whoSaidFarewellIsNotLookedForUnlessItIsDeclared() throws {
        var search = Search(["10.0.0.2"])
        let attempt = try #require(search.tries().first)
        search.rejoin.saw(Self.member("b", at: 2))
        search.end(attempt, .answered([Bench.endpoint(2)]))
        _ = search.wait()
        let second = try #require(search.tries().first)
        search.end(second, .isMember([Bench.endpoint(2)]))
        #expect(search.rejoin.targets[attempt.target]?.isReached == true)
        search.lose(Self.member("b", at: 2, .left))
        #expect(search.rejoin.targets[.known("b")]?.next == nil)
        #expect(search.rejoin.targets[attempt.target]?.isReached == false)
        let pause = search.wait()
        let wait = try #require(pause)
        #expect(wait <= search.rejoin.configuration.firstDelay)
        #expect(search.tries().map(\.target) == [attempt.target])
    }

    @Test func soManyAreTriedAtATime() throws {
        var search = Search((0..<40).map { "peer\($0)" })
        let first = search.tries()
        #expect(first.count == 32 && search.rejoin.deadline == nil)
        search.fail(first[0])
        // Twenty a second.
        let pause = search.wait()
        #expect(pause == .milliseconds(1600))
        #expect(search.tries().map(\.address.host) == ["peer32"])
    }

    @Test func whoComesByItselfIsReached() throws {
        var search = Search(["seed"])
        let attempt = try #require(search.tries().first)
        search.end(attempt, .failed([Bench.endpoint(2)], "refused"))
        search.rejoin.saw(Self.member("b", at: 2))
        let target = try #require(search.rejoin.targets[attempt.target])
        #expect(target.isReached && target.lastError == nil)
    }

    @Test func forgettingEndsTheSearch() throws {
        var search = Search()
        search.rejoin.saw(Self.member("b", at: 2))
        search.lose(Self.member("b", at: 2, .dead))
        _ = search.wait()
        let attempt = try #require(search.tries().first)
        #expect(search.rejoin.forget("b") && !search.rejoin.forget("b"))
        search.fail(attempt)
        #expect(search.rejoin.deadline == nil && search.rejoin.known.isEmpty && search.rejoin.targets.isEmpty)
    }

    @Test func whatIsKnownIsBounded() {
        var configuration = RejoinConfiguration()
        configuration.maximumKnown = 3
        var search = Search([], configuration)
        for index in 1...3 { search.rejoin.saw(Self.member("n\(index)", at: UInt8(index))) }
        search.rejoin.saw(Self.member("n4", at: 4))
        #expect(search.rejoin.known.keys.sorted() == ["n1", "n2", "n3"], "all are there")
        search.lose(Self.member("n1", at: 1, .dead))
        search.lose(Self.member("n2", at: 2, .left))
        search.rejoin.saw(Self.member("n5", at: 5))
        #expect(search.rejoin.known.keys.sorted() == ["n1", "n3", "n5"], "who left goes first")
        search.rejoin.saw(Self.member("n6", at: 6))
        #expect(search.rejoin.known.keys.sorted() == ["n3", "n5", "n6"])
        #expect(search.rejoin.order.count == 3 && search.rejoin.targets.count == 3)
    }

    @Test func whoLeftIsForgottenInTime() {
        var search = Search()
        search.rejoin.saw(Self.member("b", at: 2))
        search.lose(Self.member("b", at: 2, .left))
        search.now = search.now + .seconds(23 * 3600)
        search.rejoin.forgetTheLeft(now: search.now)
        #expect(search.rejoin.known["b"] != nil)
        search.now = search.now + .seconds(2 * 3600)
        search.rejoin.forgetTheLeft(now: search.now)
        #expect(search.rejoin.known["b"] == nil)
    }

    @Test func whatIsSavedComesBack() {
        var search = Search()
        search.rejoin.saw(Self.member("b", at: 2))
        search.rejoin.saw(Self.member("c", at: 3))
        var dead = Self.member("c", at: 3, .dead)
        dead.lastSeen = search.now
        search.lose(dead)
        search.now = search.now + .seconds(50)
        let saved = search.rejoin.saved(unixSeconds: 5000, now: search.now)
        #expect(saved.map(\.name) == ["b", "c"] && saved.map(\.lastSeen) == [5000, 4950])
        var next = Search()
        next.rejoin.load(saved, unixSeconds: 5010, now: next.now)
        #expect(next.tries().count == 2)
        #expect(next.rejoin.saved(unixSeconds: 5010, now: next.now) == saved)
    }

    @Test(arguments: [
        ("host", "host:7946"), ("host:1", "host:1"), ("10.0.0.1", "10.0.0.1:7946"), ("[::1]:99", "[::1]:99"),
        ("::1", "[::1]:7946"), ("[fe80::1]", "[fe80::1]:7946"), ("a.b-c_d:65535", "a.b-c_d:65535"),
    ])
    func addressesAreRead(text: String, meaning: String) {
        #expect(PeerAddress(text)?.description == meaning)
    }

    @Test(arguments: [
        "", ":1", "host:", "host:0", "host:65536", "host:-1", "host:+1", "a b", "[::1", "[host]:1", "a/b", "1:2:x",
    ])
    func whatIsNoAddressIsNone(text: String) {
        #expect(PeerAddress(text) == nil)
    }
}
