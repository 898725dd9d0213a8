import Glibc
import Synchronization

/// What Ctrl-C (or SIGTERM, SIGHUP) does in the middle of a long command: the cursor is shown again, the user reads what
/// becomes of the work, and the exit status is 128 and the signal's number, as shells have it.
enum Interruption {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    private static let hidesCursor = Atomic(false)
    private static let outlivesUs = Atomic(false)

    /// - Parameters:
    ///   - hidesCursor: whether a display is drawn.
    ///   - outlivesUs: whether the daemon goes on with the work without us.
    static func watch(hidesCursor: Bool, outlivesUs: Bool) {
        // The first use makes the atomics, which a signal handler may not.
        self.hidesCursor.store(hidesCursor, ordering: .relaxed)
        self.outlivesUs.store(outlivesUs, ordering: .relaxed)
        for number in signals {
            signal(number) { number in
                // Only what signal-safety(7) allows.
                if Interruption.hidesCursor.load(ordering: .relaxed) { Interruption.write("\u{1B}[?25h\r\n") }
                if Interruption.outlivesUs.load(ordering: .relaxed) {
                    Interruption.write(
                        "no longer watching; the daemon goes on (see: sctl apps inspect, sctl apps delete)\n"
                    )
                }
                _exit(128 + number)
            }
        }
    }

    static func unwatch() {
        for number in signals { signal(number, SIG_DFL) }
    }

    private static func write(_ text: StaticString) {
        _ = Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
}
