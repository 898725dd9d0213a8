import StellarTestKit
import Testing

@testable import StellarGossip

/// Which peers a node looks for, and when.
struct RejoinTests {
    private typealias Bench = MembershipBench

    /// One `Rejoin` whose attempts the test ends.
    private struct Search {
        var rejoin: Rejoin
        var random = SplitMix64(seed: 1)
        var now = GossipTime(nanoseconds: 0)

        init(_ declared: [String] = [], _ configuration: RejoinConfiguration = RejoinConfiguration()) {
            let declared = declared.compactMap { PeerAddress($0) }
            rejoin = Rejoin(name: "me", declared: declared, configuration: configuration, now: now)
        }

        mutating func attempts() -> [Rejoin.Attempt] { rejoin.takeAttempts(now: now) }

        mutating func end(_ attempt: Rejoin.Attempt, _ outcome: Rejoin.Outcome) {
            rejoin.ended(attempt, outcome, now: now, using: &random)
        }

        mutating func fail(_ attempt: Rejoin.Attempt) { end(attempt, .failed([], "refused")) }

        mutating func lose(_ member: Member) { rejoin.lost(member, now: now, using: &random) }

        /// The time until the next attempt; `now` moves ahead to it.
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

    @Test func allPeersAreTriedAtTheStart() {
        var search = Search(["seed", "10.0.0.9:1000"])
        search.rejoin.load(
            [Self.known("b", at: 2), Self.known("left", at: 3, hasLeft: true), Self.known("me", at: 4)],
            unixSeconds: 1010,
            now: search.now
        )
        #expect(search.attempts().map(\.address.description) == ["seed:7946", "10.0.0.9:1000", "10.0.0.2:7946"])
        #expect(search.rejoin.deadline == nil && search.attempts().isEmpty, "they are under way")
        #expect(search.rejoin.known["b"]?.lastSeen == search.now + .seconds(-10))
    }

    @Test func attemptsNeverEndAndTheirDelaysGrow() throws {
        var search = Search(["seed"])
        let configuration = search.rejoin.configuration
        var waits: [Duration] = []
        for _ in 0..<200 {
            let attempt = try #require(search.attempts().first)
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
        #expect(Set(waits.suffix(50)).count == 50, "the delays differ")
        #expect(search.rejoin.targets.values.first?.lastError == "refused")
        #expect(search.rejoin.targets.values.first?.attempts == 200)
    }

    @Test func deadNodeIsSearchedAndAliveNodeIsNot() throws {
        var search = Search()
        search.rejoin.saw(Self.member("b", at: 2))
        #expect(search.rejoin.deadline == nil)
        search.lose(Self.member("b", at: 2, .dead))
        let pause = search.wait()
        let wait = try #require(pause)
        #expect(wait <= search.rejoin.configuration.firstDelay)
        let attempt = try #require(search.attempts().first)
        #expect(attempt == Rejoin.Attempt(target: .known("b"), address: PeerAddress(Bench.endpoint(2))))
        // A peer responds, but b did not join: another node may have its address.
        search.end(attempt, .answered([Bench.endpoint(2)]))
        #expect(search.rejoin.deadline != nil)
        // It came back elsewhere.
        search.rejoin.saw(Self.member("b", at: 5))
        #expect(search.rejoin.deadline == nil && search.rejoin.targets[.known("b")]?.isReached == true)
        search.lose(Self.member("b", at: 5, .dead))
        _ = search.wait()
        #expect(search.attempts().first?.address == PeerAddress(Bench.endpoint(5)))
    }

    @Test func leftNodeIsSearchedOnlyIfDeclared() throws {
        var search = Search(["10.0.0.2"])
        let attempt = try #require(search.attempts().first)
        search.rejoin.saw(Self.member("b", at: 2))
        search.end(attempt, .answered([Bench.endpoint(2)]))
        _ = search.wait()
        let second = try #require(search.attempts().first)
        search.end(second, .isMember([Bench.endpoint(2)]))
        #expect(search.rejoin.targets[attempt.target]?.isReached == true)
        search.lose(Self.member("b", at: 2, .left))
        #expect(search.rejoin.targets[.known("b")]?.next == nil)
        #expect(search.rejoin.targets[attempt.target]?.isReached == false)
        let pause = search.wait()
        let wait = try #require(pause)
        #expect(wait <= search.rejoin.configuration.firstDelay)
        #expect(search.attempts().map(\.target) == [attempt.target])
    }

    @Test func attemptsAtATimeAreLimited() throws {
        var search = Search((0..<40).map { "peer\($0)" })
        let first = search.attempts()
        #expect(first.count == 32 && search.rejoin.deadline == nil)
        search.fail(first[0])
        // Twenty a second.
        let pause = search.wait()
        #expect(pause == .milliseconds(1600))
        #expect(search.attempts().map(\.address.host) == ["peer32"])
    }

    @Test func peerThatJoinsByItselfIsReached() throws {
        var search = Search(["seed"])
        let attempt = try #require(search.attempts().first)
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
        let attempt = try #require(search.attempts().first)
        #expect(search.rejoin.forget("b") && !search.rejoin.forget("b"))
        search.fail(attempt)
        #expect(search.rejoin.deadline == nil && search.rejoin.known.isEmpty && search.rejoin.targets.isEmpty)
    }

    @Test func knownNodesAreBounded() {
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

    @Test func leftNodeIsForgottenAfterItsRetention() {
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

    @Test func savedNodesAreSearchedAfterARestart() {
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
        #expect(next.attempts().count == 2)
        #expect(next.rejoin.saved(unixSeconds: 5010, now: next.now) == saved)
    }

    @Test func peerThatWaitedLongestComesFirst() throws {
        var configuration = RejoinConfiguration()
        configuration.maximumAttempts = 1
        var search = Search(["a", "b"], configuration)
        let attempt = try #require(search.attempts().first)
        #expect(attempt.address.host == "a")
        search.fail(attempt)
        // Both are due now; b has waited since the start.
        search.now = search.now + .seconds(5)
        #expect(search.attempts().map(\.address.host) == ["b"])
    }

    /// Next time another node may have the address.
    @Test(arguments: [true, false])
    func reachedPeerIsCheckedAgainAfterTheLongestDelay(isMember: Bool) throws {
        var search = Search(["seed"])
        let attempt = try #require(search.attempts().first)
        search.end(attempt, isMember ? .isMember([Bench.endpoint(1)]) : .answered([Bench.endpoint(2)]))
        #expect(search.rejoin.targets[attempt.target]?.isReached == isMember)
        let pause = search.wait()
        #expect(pause == search.rejoin.configuration.longestDelay)
    }

    @Test func nodeThatLeftDuringAnAttemptIsNotSearched() throws {
        var search = Search()
        search.rejoin.saw(Self.member("b", at: 2))
        search.lose(Self.member("b", at: 2, .dead))
        _ = search.wait()
        let attempt = try #require(search.attempts().first)
        search.rejoin.saw(Self.member("b", at: 2))
        search.lose(Self.member("b", at: 2, .left))
        search.fail(attempt)
        #expect(search.rejoin.targets[.known("b")]?.next == nil && search.rejoin.deadline == nil)
    }

    @Test func unchangedNodeIsNotSavedAgain() {
        var search = Search()
        var member = Self.member("b", at: 2)
        var versions: [Int] = []
        search.rejoin.saw(member)
        versions.append(search.rejoin.version)
        search.rejoin.saw(member)
        versions.append(search.rejoin.version)
        member.metadata = [1]
        search.rejoin.saw(member)
        versions.append(search.rejoin.version)
        #expect(versions == [1, 1, 2])
    }

    /// A clock that was never set, or a damaged file, must not make a peer younger than now or older than a century.
    @Test(
        arguments: [(1010, 0), (1000, 10), (2000, 0), (.min, 3_153_600_000), (.max, 0)] as [(Int64, Int64)]
    )
    func ageOfASavedPeerIsClamped(lastSeen: Int64, age: Int64) {
        var search = Search()
        let peer = KnownPeer(name: "b", endpoint: Bench.endpoint(2), hasLeft: false, lastSeen: lastSeen)
        search.rejoin.load([peer], unixSeconds: 1010, now: search.now)
        #expect(search.rejoin.known["b"]?.lastSeen == search.now + .seconds(-age))
    }

    @Test func loadedPeersAreBounded() {
        var configuration = RejoinConfiguration()
        configuration.maximumKnown = 3
        var search = Search([], configuration)
        let peers = (1...5).map { Self.known("n\($0)", at: UInt8($0)) }
        search.rejoin.load(peers, unixSeconds: 1000, now: search.now)
        #expect(search.rejoin.known.count == 3)
    }

    @Test(arguments: [
        ("host", "host:7946"), ("host:1", "host:1"), ("10.0.0.1", "10.0.0.1:7946"), ("[::1]:99", "[::1]:99"),
        ("::1", "[::1]:7946"), ("[fe80::1]", "[fe80::1]:7946"), ("a.b-c_d:65535", "a.b-c_d:65535"),
    ])
    func validAddressesAreParsed(text: String, meaning: String) {
        #expect(PeerAddress(text)?.description == meaning)
    }

    @Test(arguments: [
        "", ":1", "host:", "host:0", "host:65536", "host:-1", "host:+1", "a b", "[::1", "[host]:1", "a/b", "1:2:x",
    ])
    func invalidAddressesAreRefused(text: String) {
        #expect(PeerAddress(text) == nil)
    }
}
