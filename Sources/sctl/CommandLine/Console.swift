import Glibc

/// Where a command writes to and reads from. Tests put their own in its place.
struct Console: Sendable {
    /// The console of the running command.
    @TaskLocal static var current = Console.standard

    /// Writes to stdout.
    var writeOut: @Sendable (String) -> Void
    /// Writes to stderr.
    var writeError: @Sendable (String) -> Void
    /// Reads stdin to its end, at most so many bytes and one more.
    var readIn: @Sendable (_ limit: Int) throws -> [UInt8]
    /// The size of the terminal behind stderr; nil where there is none.
    var terminalSize: @Sendable () -> TerminalSize?

    /// The process's own.
    static let standard: Console = Console(
        writeOut: { writeResult($0) },
        // There is no reader left.
        writeError: { try? FileBytes.write($0, to: STDERR_FILENO) },
        readIn: { try FileBytes.readAll(STDIN_FILENO, limit: $0) },
        terminalSize: { TerminalSize.of(STDERR_FILENO) }
    )

    private static func writeResult(_ text: String) {
        do {
            try FileBytes.write(text, to: STDOUT_FILENO)
        } catch {
            let message = "the result cannot be written: \(error)"
            let line = LogLine.fatal(message, terminal: TerminalSize.of(STDERR_FILENO) != nil)
            try? FileBytes.write(line + "\n", to: STDERR_FILENO)
            exit(SctlExit.failure.rawValue)
        }
    }

    /// One line of the result.
    func print(_ line: String) { writeOut(line + "\n") }

    /// One line beside it.
    func note(_ line: String) { writeError(line + "\n") }

    func fatal(_ message: String) { note(LogLine.fatal(message, terminal: terminalSize() != nil)) }
}

/// In characters.
struct TerminalSize: Sendable, Equatable {
    var columns: Int
    var rows: Int

    /// - Returns: nil where the descriptor is no terminal that can be drawn on.
    static func of(_ descriptor: Int32) -> TerminalSize? {
        guard isatty(descriptor) == 1 else { return nil }
        // An editor's shell window, for one.
        guard getenv("TERM").map({ String(cString: $0) != "dumb" }) ?? false else { return nil }
        var size = winsize()
        // A terminal that does not report its size is treated as a VT100.
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return TerminalSize(columns: 80, rows: 24)
        }
        return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}
