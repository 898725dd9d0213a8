/// The escape sequences (ECMA-48) that put one frame in the place of the one before it. Pure.
struct TerminalPainter {
    static let hideCursor = "\u{1B}[?25l"
    static let showCursor = "\u{1B}[?25h"

    private var drawn = 0

    /// What to write so that `lines` stand where the last frame stood, with the cursor on the line below.
    mutating func paint(_ lines: [String]) -> String {
        var out = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        for line in lines { out += "\r\(line)\u{1B}[K\n" }
        // What is left of a longer frame.
        out += "\r\u{1B}[J"
        drawn = lines.count
        return out
    }
}
