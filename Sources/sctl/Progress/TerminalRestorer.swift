import Glibc

/// Shows the cursor again when a signal ends sctl in the middle of a display.
enum TerminalRestorer {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    static func install() {
        for number in signals {
            signal(number) { number in
                // Only what signal-safety(7) allows.
                let text: StaticString = "\u{1B}[?25h\r\n"
                _ = Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
                // 128 and the number, as shells do: 130 for Ctrl-C (SctlExit.interrupted).
                _exit(128 + number)
            }
        }
    }

    static func remove() {
        for number in signals { signal(number, SIG_DFL) }
    }
}
