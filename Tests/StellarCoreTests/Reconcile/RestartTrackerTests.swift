import StellarTestKit
import Testing

@testable import StellarCore

/// A moment that a test can create: a time since zero.
struct TestInstant: InstantProtocol {
    var time: Duration

    func advanced(by duration: Duration) -> TestInstant { TestInstant(time: time + duration) }
    func duration(to other: TestInstant) -> Duration { other.time - time }
    static func < (a: Self, b: Self) -> Bool { a.time < b.time }
}

@Suite struct RestartTrackerTests {
    typealias Tracker = RestartTracker<TestInstant>

    static func at(_ seconds: Double) -> TestInstant { TestInstant(time: .seconds(seconds)) }

    /// Runs of the given lengths, each followed by a failure: the waits between them, in seconds.
    static func waits(_ policy: RestartPolicy, runs: [Double], status: UInt32 = 1) -> [Duration?] {
        var tracker = Tracker(policy: policy)
        var now = at(0)
        return runs.map { run in
            tracker.started(at: now)
            now = now.advanced(by: .seconds(run))
            guard case .restart(let at) = tracker.exited(.init(status: status), at: now) else { return nil }
            defer { now = at }
            return now.duration(to: at)
        }
    }

    @Test func waitDoublesUpToTheLongest() {
        let waits = Self.waits(.always, runs: Array(repeating: 0.1, count: 9))
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
    }

    @Test func stableRunResetsTheWait() {
        #expect(Self.waits(.always, runs: [0, 0, 0, 10, 0]) == [1, 2, 4, 1, 2].map { .seconds($0) })
        // Nine seconds are not stable, and neither is a run shorter than the wait before it.
        #expect(Self.waits(.always, runs: [0, 9.9, 0, 0, 0, 15, 32]) == [1, 2, 4, 8, 16, 32, 1].map { .seconds($0) })
    }

    @Test func givesUpAfterTheMostRetries() {
        let policy = RestartPolicy(condition: .onFailure, maxRetries: 2)
        #expect(Self.waits(policy, runs: [0, 0, 0]) == [.seconds(1), .seconds(2), nil])
        #expect(
            Self.waits(policy, runs: [0, 0, 20, 0, 0]) == [.seconds(1), .seconds(2), .seconds(1), .seconds(2), nil]
        )
        var tracker = Tracker(policy: policy)
        for second in 0..<2 { _ = tracker.exited(.init(status: 1), at: Self.at(Double(second))) }
        let last = tracker.exited(.init(status: 1), at: Self.at(3))
        #expect(last == .leave(.tooManyRestarts(2)))
        #expect(tracker.restarts == 2)
        tracker.reset()
        #expect(tracker.exited(.init(status: 1), at: Self.at(4)) == .restart(at: Self.at(5)))
    }

    @Test(
        arguments: [
            (RestartPolicy.Condition.always, 0, true), (.always, 137, true), (.onFailure, 0, false),
            (.onFailure, 137, true),
            (.never, 0, false), (.never, 1, false),
        ] as [(RestartPolicy.Condition, UInt32, Bool)]
    )
    func conditions(condition: RestartPolicy.Condition, status: UInt32, restarts: Bool) {
        let waits = Self.waits(RestartPolicy(condition: condition), runs: [1], status: status)
        #expect((waits[0] != nil) == restarts)
    }

    @Test func requestedStopCausesNoRestart() {
        var tracker = Tracker(policy: .always)
        tracker.started(at: Self.at(0))
        #expect(tracker.exited(.init(status: 0, requested: true), at: Self.at(1)) == .leave(.requested))
        #expect(tracker.runningSince == nil)
    }

    @Test func exitWithoutAKnownStartCountsAsAShortRun() {
        var tracker = Tracker(policy: .always)
        #expect(tracker.exited(.init(status: 1), at: Self.at(100)) == .restart(at: Self.at(101)))
        #expect(tracker.exited(.init(status: 1), at: Self.at(200)) == .restart(at: Self.at(202)))
    }

    @Test func policyMayChangeBetweenRuns() {
        var tracker = Tracker(policy: .never)
        #expect(tracker.exited(.init(status: 1), at: Self.at(0)) == .leave(.policy))
        tracker.policy = .onFailure
        #expect(tracker.exited(.init(status: 0), at: Self.at(1)) == .leave(.succeeded))
        #expect(tracker.exited(.init(status: 1), at: Self.at(2)) == .restart(at: Self.at(3)))
        #expect(tracker.restartsInARow == 1 && tracker.restarts == 1)
        tracker.started(at: Self.at(3))
        #expect(tracker.runningSince == Self.at(3))
        _ = tracker.exited(.init(status: 1), at: Self.at(13))
        #expect(tracker.restartsInARow == 1 && tracker.restarts == 2)
    }

    /// Restarts are never before now and never later than the longest wait.
    @Test(arguments: 0..<32)
    func bounds(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let delay = Duration.milliseconds(Int.random(in: 0...10_000, using: &random))
        let longest = Duration.milliseconds(Int.random(in: 0...10_000, using: &random))
        let runs = (0..<50).map { _ in Double.random(in: 0...30, using: &random) }
        for wait in Self.waits(RestartPolicy(delay: delay, maxDelay: longest), runs: runs) {
            #expect(wait.map { $0 >= .zero && $0 <= longest } == true)
        }
    }
}
