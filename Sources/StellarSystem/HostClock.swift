import Glibc

/// The clocks of a host, and the wait for a moment.
///
/// Code that takes the time or waits gets one from its creator. A simulation gives its own, so the same code runs in
/// simulated time.
package struct HostClock: Sendable {
    private let continuous: @Sendable () -> ContinuousClock.Instant
    private let boot: @Sendable () -> MonotonicTime
    private let wall: @Sendable () -> Int64
    private let wait: @Sendable (ContinuousClock.Instant) async throws -> Void

    /// The clocks of this host.
    package static let system = HostClock(
        continuous: { .now },
        monotonic: { .now },
        unixMilliseconds: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        },
        sleep: { try await Task.sleep(until: $0, clock: .continuous) }
    )

    /// - Parameters:
    ///   - continuous: the clock that continues while the host is suspended.
    ///   - monotonic: the same clock, as a number.
    ///   - unixMilliseconds: the wall clock.
    ///   - sleep: returns at a moment of the continuous clock; throws CancellationError if the task is cancelled.
    package init(
        continuous: @escaping @Sendable () -> ContinuousClock.Instant,
        monotonic: @escaping @Sendable () -> MonotonicTime,
        unixMilliseconds: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void
    ) {
        self.continuous = continuous
        boot = monotonic
        wall = unixMilliseconds
        wait = sleep
    }

    package var now: ContinuousClock.Instant { continuous() }
    package var monotonic: MonotonicTime { boot() }
    /// Since 1970. People set this clock; it can jump.
    package var unixMilliseconds: Int64 { wall() }
    package var unixSeconds: Int64 { wall() / 1000 }

    package func sleep(until moment: ContinuousClock.Instant) async throws { try await wait(moment) }

    package func sleep(for duration: Duration) async throws { try await wait(continuous() + duration) }
}
