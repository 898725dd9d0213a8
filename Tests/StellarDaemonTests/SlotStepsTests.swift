import StellarCore
import Testing

@testable import StellarDaemon

@Suite struct SlotStepsTests {
    private func sample(_ state: Character, _ ticks: UInt64, sleep: Duration? = nil) -> ProcessSample {
        ProcessSample(state: state, cpuTicks: ticks, sleep: sleep)
    }

    @Test func aWaitingProcessHasStarted() {
        let start = ContinuousClock.now
        var watch = StartupCheck(now: start)
        #expect(watch.verdict([sample("R", 1)], now: start) == .wait)
        #expect(watch.verdict([sample("S", 2)], now: start + .milliseconds(3)) == .wait)
        #expect(watch.verdict([sample("S", 2)], now: start + .milliseconds(6)) == .wait)
        #expect(watch.verdict([sample("S", 3)], now: start + .milliseconds(9)) == .wait)
        #expect(watch.verdict([sample("S", 3)], now: start + .milliseconds(9) + StartupCheck.quietPeriod) == .running)
    }

    @Test func aProcessThatBecomesIdleCountsAsIdleFromThenOn() {
        let start = ContinuousClock.now
        var watch = StartupCheck(now: start)
        #expect(watch.verdict([sample("R", 1)], now: start) == .wait)
        #expect(watch.verdict([sample("S", 1)], now: start + .milliseconds(3)) == .wait)
        #expect(watch.verdict([sample("S", 1)], now: start + .milliseconds(3) + StartupCheck.quietPeriod) == .running)
    }

    @Test func aBusyProcessHasStartedAfterTheLimit() {
        let start = ContinuousClock.now
        var watch = StartupCheck(now: start)
        #expect(watch.verdict([sample("R", 1)], now: start + StartupCheck.limit - .milliseconds(1)) == .wait)
        #expect(watch.verdict([sample("R", 9)], now: start + StartupCheck.limit) == .running)
        #expect(watch.verdict([], now: start) == .ended)
        #expect(watch.verdict([sample("Z", 1)], now: start) == .ended)
    }

    @Test func aShortSleepIsAwaitedAndALongOneIsNot() {
        let start = ContinuousClock.now
        let later = start + .milliseconds(3) + StartupCheck.quietPeriod
        var short = StartupCheck(now: start)
        #expect(short.verdict([sample("S", 1, sleep: .milliseconds(300))], now: start) == .wait)
        #expect(short.verdict([sample("S", 1, sleep: .milliseconds(280))], now: later) == .wait)
        #expect(short.verdict([sample("R", 1)], now: start + .milliseconds(301)) == .wait)
        #expect(short.verdict([], now: start + .milliseconds(303)) == .ended)
        var long = StartupCheck(now: start)
        #expect(long.verdict([sample("S", 1, sleep: .seconds(1000))], now: start) == .wait)
        #expect(long.verdict([sample("S", 1, sleep: .seconds(999))], now: later) == .running)
        // Repeated short sleeps: a process that runs this long has started.
        var steps = StartupCheck(now: start)
        #expect(steps.verdict([sample("S", 1, sleep: .milliseconds(50))], now: start) == .wait)
        #expect(steps.verdict([sample("S", 1, sleep: .milliseconds(50))], now: start + StartupCheck.limit) == .running)
    }

    @Test func childrenCountAsTheProcessItself() {
        let start = ContinuousClock.now
        let later = start + .milliseconds(3) + StartupCheck.quietPeriod
        let shell = sample("S", 1)
        // `sleep 0.3; exit 1`: the shell waits for its child.
        var script = StartupCheck(now: start)
        #expect(script.verdict([shell, sample("S", 0, sleep: .milliseconds(300))], now: start) == .wait)
        #expect(script.verdict([shell, sample("S", 0, sleep: .milliseconds(290))], now: later) == .wait)
        // A busy child, a new child, and one that ended.
        var busy = StartupCheck(now: start)
        #expect(busy.verdict([shell, sample("S", 4)], now: start) == .wait)
        #expect(busy.verdict([shell, sample("S", 5)], now: later) == .wait)
        #expect(busy.verdict([shell], now: later + StartupCheck.quietPeriod) == .wait)
        // Both wait; a child that has ended already does not matter.
        var server = StartupCheck(now: start)
        #expect(server.verdict([shell, sample("S", 4), sample("Z", 1)], now: start) == .wait)
        #expect(server.verdict([shell, sample("S", 4), sample("Z", 1)], now: later) == .running)
        // The end of the process itself decides.
        #expect(server.verdict([sample("Z", 1), sample("S", 4)], now: later) == .ended)
    }

    @Test func outOfMemoryIsReportedOnlyIfItIsKnown() {
        #expect(SlotRunner.describe(137) == "with status 137 (signal 9)")
        #expect(SlotRunner.describe(137, outOfMemory: true).contains("out of memory"))
        #expect(SlotRunner.describe(1, outOfMemory: true).contains("out of memory"))
        #expect(SlotRunner.describe(0, outOfMemory: true) == "with status 0")
        #expect(SlotRunner.describe(3) == "with status 3")
        #expect(SlotRunner.describe(nil) == "and its exit status is not known")
    }

    @Test func statIsParsedWithAnyProcessName() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 100"
        #expect(ProcessSample(stat: stat) == sample("S", 12))
        #expect(ProcessSample(stat: "nonsense") == nil)
    }

    @Test func plans() {
        let running = ObservedContainer(id: "a", task: ObservedTask(pid: 1, status: .running, exitStatus: 0))
        let paused = ObservedContainer(id: "a", task: ObservedTask(pid: 1, status: .paused, exitStatus: 0))
        let stopped = ObservedContainer(id: "a", task: ObservedTask(pid: 1, status: .stopped, exitStatus: 1))
        let bare = ObservedContainer(id: "a", task: nil)
        let wanted = SpecificationHash(of: .sample("web"))
        func plan(
            _ observed: ObservedContainer?,
            _ journal: SlotOperation?,
            attached: Bool = true,
            desired: Bool = true
        ) -> SlotPlan {
            SlotPlan.plan(wanted: desired ? wanted : nil, observed: observed, isAttached: attached, journal: journal)
        }
        #expect(plan(running, nil) == .adopt)
        #expect(plan(paused, nil) == .adopt)
        #expect(plan(stopped, nil) == .restart)
        #expect(plan(bare, nil) == .restart)
        #expect(plan(nil, nil) == .bringUp)
        #expect(plan(nil, .create) == .bringUp)
        #expect(plan(running, .create) == .adopt)
        #expect(plan(running, .create, attached: false) == .replace)
        #expect(plan(bare, .create) == .replace)
        #expect(plan(running, .replace) == .replace)
        var (same, other) = (running, running)
        same.specification = wanted
        other.specification = SpecificationHash(of: .sample("web", image: "other"))
        #expect(plan(same, nil) == .adopt)
        #expect(plan(other, nil) == .replace)
        #expect(plan(other, .create) == .replace)
        #expect(plan(running, .delete) == .replace)
        #expect(plan(running, nil, desired: false) == .remove)
        #expect(plan(nil, .delete, desired: false) == .remove)
        #expect(plan(nil, nil, attached: false, desired: false) == .nothing)
    }

    @Test func lastLinesAreCutAndSanitized() {
        let text = "one\r\ntwo\u{1b}[31m red\n\nthree\n"
        #expect(HostFiles.lines(Array(text.utf8), count: 2) == ["two[31m red", "three"])
        #expect(HostFiles.lines([], count: 3).isEmpty)
    }

    @Test func desiredAppRoundTrips() throws {
        let app = App.sample("demo", [.sample("web", image: "docker.io/library/busybox:latest", replicas: 2)])
        var assignment = Assignment()
        assignment[ContainerID(app: "demo", service: "web", replica: 1)] = "node.with.dots"
        let desired = DesiredApp(app: app, assignment: assignment, createdAt: 1_700_000_000)
        #expect(try DesiredApp(encoded: desired.encoded) == desired)
        #expect(throws: (any Error).self) { try DesiredApp(encoded: Array("{}".utf8)) }
    }
}
