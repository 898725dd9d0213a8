import Glibc
import StellarSystem

extension StoreTime {
    /// The time of the host's clocks.
    package static var now: StoreTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        return StoreTime(monotonic: MonotonicTime.now, unixMilliseconds: UInt64(clamping: milliseconds))
    }
}
