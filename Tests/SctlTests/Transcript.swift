import Synchronization

@testable import sctl

/// A console that remembers what was written to it.
final class Transcript: Sendable {
    private struct Text {
        var out = ""
        var error = ""
    }

    private let text = Mutex(Text())
    private let input: [UInt8]
    private let size: TerminalSize?

    init(input: String = "", terminal size: TerminalSize? = nil) {
        self.input = Array(input.utf8)
        self.size = size
    }

    var out: String { text.withLock(\.out) }
    var error: String { text.withLock(\.error) }

    var console: Console {
        Console(
            writeOut: { written in self.text.withLock { $0.out += written } },
            writeError: { written in self.text.withLock { $0.error += written } },
            readIn: { _ in self.input },
            terminalSize: { self.size }
        )
    }

    /// Runs sctl on this console.
    func sctl(_ arguments: String...) async -> SctlExit {
        await SctlMain.run(arguments: arguments, console: console)
    }
}
