import Glibc

/// The clock of the machines. It continues during a suspend (`CLOCK_BOOTTIME`, clock_gettime(2)): after one, the
/// membership machine must see that time passed in which it received nothing, so that it suspects no node for it. The
/// monotonic clock would hide the suspend, and a node would wait for acknowledgements that were sent to a sleeping
/// host.
enum GossipClock {
    static var now: GossipTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return GossipTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Seconds since 1970, for state that outlives the process.
    static var unixSeconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
