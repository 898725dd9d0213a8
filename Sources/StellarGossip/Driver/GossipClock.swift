import Glibc

/// The machine's clock. It goes on while the computer sleeps (`CLOCK_BOOTTIME`, clock_gettime(2)): after a suspend the
/// membership machine has to see that time has passed in which it heard nobody, so that it blames nobody for it. The
/// monotonic clock would hide that, and a node would go on to wait for answers that were sent to a sleeping host.
enum GossipClock {
    static var now: GossipTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return GossipTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Seconds since 1970: for what is kept beyond the end of the process.
    static var unixSeconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
