import Glibc
import NIOPosix

/// Reads lines of standard input. It may be a terminal, a pipe, a file or nothing, and only a blocking read works for
/// all of them, so it has a thread of its own.
struct StandardInput {
    private let thread: NIOThreadPool

    init() {
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
    }

    /// The next line; nil at the end of the input.
    func nextLine() async -> String? {
        (try? await thread.runIfActive { readLine() }) ?? nil
    }
}

/// Writes a line, at once and in one piece.
func say(_ line: String, to descriptor: CInt = STDOUT_FILENO) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}
