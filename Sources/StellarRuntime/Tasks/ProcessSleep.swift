import CStellarLinux
import FoundationEssentials
import Glibc
import StellarSystem

/// Detects whether a process sleeps on a timer, and for how long: `sleep 5` does; a server that waits for connections
/// does not.
///
/// /proc/PID/syscall shows the system call that a process is blocked in, with its arguments (proc(5)). One argument is
/// the address of the requested time, which is read from the process's memory. Needs CAP_SYS_PTRACE, which root has.
package enum ProcessSleep {
    /// The longest time that the process's main thread still sleeps; nil if it does something else or cannot be
    /// inspected. Blocking.
    package static func remaining(_ pid: UInt32) -> Duration? {
        guard let text = ProcFile.read("/proc/\(pid)/syscall"), let call = Call(text) else { return nil }
        var time = timespec()
        let count = withUnsafeMutableBytes(of: &time) { read(pid, at: call.time, into: $0) }
        guard count == MemoryLayout<timespec>.size else { return nil }
        let requested = Duration(time)
        guard let clock = call.absoluteClock else { return requested }
        var now = timespec()
        guard clock_gettime(clock, &now) == 0 else { return nil }
        return max(requested - Duration(now), .zero)
    }

    /// A call of nanosleep(2) or clock_nanosleep(2).
    struct Call: Equatable {
        /// The address of the time in the process's memory.
        var time: UInt64
        /// The clock of an absolute time; nil for a relative time.
        var absoluteClock: clockid_t?

        init(time: UInt64, absoluteClock: clockid_t? = nil) {
            self.time = time
            self.absoluteClock = absoluteClock
        }

        /// - Parameter line: `230 0x0 0x0 0x7ffc… 0x0 0x0 0x0 <stack> <program>`, or `running`.
        init?(_ line: String) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count > 4, let number = Int(words[0]) else { return nil }
            let arguments = words[1...4].map { UInt64($0.dropFirst(2), radix: 16) ?? 0 }
            switch number {
            case Int(CStellar_SYS_NANOSLEEP):
                self.init(time: arguments[0])
            case Int(CStellar_SYS_CLOCK_NANOSLEEP):
                let isAbsolute = arguments[1] & UInt64(TIMER_ABSTIME) != 0
                self.init(
                    time: arguments[2],
                    absoluteClock: isAbsolute ? clockid_t(truncatingIfNeeded: arguments[0]) : nil
                )
            default:
                return nil
            }
        }
    }

    private static func read(_ pid: UInt32, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let offset = off_t(exactly: address) else { return -1 }
        let descriptor = open("/proc/\(pid)/mem", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return -1 }
        defer { close(descriptor) }
        return pread(descriptor, buffer.baseAddress, buffer.count, offset)
    }
}

extension Duration {
    fileprivate init(_ time: timespec) {
        self = .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
