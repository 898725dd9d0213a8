import StellarSystem
import Testing

@Suite(.timeLimit(.minutes(10)))
struct AlarmTests {
    private static let far = Duration.seconds(3600)

    /// Waits in a task of its own, beside `body`; returns when the wait has ended.
    private func waiting(on alarm: Alarm, _ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await alarm.wait() }
            await body()
            await group.waitForAll()
        }
    }

    @Test func theWaitEndsAtItsDeadlineAndNotBefore() async {
        let alarm = Alarm()
        let deadline = ContinuousClock.now + .milliseconds(30)
        alarm.set(deadline)
        await alarm.wait()
        #expect(ContinuousClock.now >= deadline)
    }

    @Test func aDeadlineThatHasPassedEndsTheWaitAtOnce() async {
        let alarm = Alarm()
        alarm.set(.now - .seconds(1))
        await alarm.wait()
    }

    @Test func wakingEndsTheWait() async {
        let alarm = Alarm()
        alarm.set(.now + Self.far)
        await waiting(on: alarm) { alarm.wake() }
        // Also one that has begun for certain, and one without a deadline.
        alarm.set(nil)
        await waiting(on: alarm) {
            for _ in 0..<100 { await Task.yield() }
            alarm.wake()
        }
    }

    @Test func wakingBeforeTheWaitEndsTheNextOneAlone() async {
        let alarm = Alarm()
        alarm.wake()
        alarm.wake()
        await alarm.wait()
        let deadline = ContinuousClock.now + .milliseconds(30)
        alarm.set(deadline)
        await alarm.wait()
        #expect(ContinuousClock.now >= deadline)
    }

    @Test func anEarlierDeadlineEndsAWaitThatHasBegun() async {
        let alarm = Alarm()
        alarm.set(.now + Self.far)
        await waiting(on: alarm) {
            for _ in 0..<100 { await Task.yield() }
            alarm.set(.now + .milliseconds(1))
        }
    }

    @Test func theLastDeadlineCounts() async {
        let alarm = Alarm()
        alarm.set(.now + .milliseconds(20))
        let deadline = ContinuousClock.now + .milliseconds(80)
        await withTaskGroup(of: Bool.self) { group in
            alarm.set(deadline)
            group.addTask {
                await alarm.wait()
                return ContinuousClock.now >= deadline
            }
            for await isLate in group { #expect(isLate) }
        }
    }

    @Test func aRemovedDeadlineEndsNothing() async {
        let alarm = Alarm()
        alarm.set(.now + .milliseconds(1))
        alarm.set(nil)
        let deadline = ContinuousClock.now + .milliseconds(30)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await alarm.wait()
                return ContinuousClock.now >= deadline
            }
            try? await Task.sleep(until: deadline, clock: .continuous)
            alarm.wake()
            for await isLate in group { #expect(isLate) }
        }
    }

    @Test func cancellingTheTaskEndsTheWait() async {
        for yields in [0, 1, 10, 100] {
            let alarm = Alarm()
            if yields != 10 { alarm.set(.now + Self.far) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await alarm.wait() }
                for _ in 0..<yields { await Task.yield() }
                group.cancelAll()
            }
        }
    }

    @Test func noWakeIsLostBetweenTwoTasks() async {
        let (there, back) = (Alarm(), Alarm())
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for round in 0..<2000 {
                    if round % 2 == 0 { there.set(.now + Self.far) }
                    await there.wait()
                    back.wake()
                }
            }
            for _ in 0..<2000 {
                there.wake()
                await back.wait()
            }
            await group.waitForAll()
        }
    }
}
