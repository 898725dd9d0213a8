import CStellarLinux
import Glibc
import Synchronization

/// A program that runs until ``stop(grace:)`` or ``kill()``, or until nothing refers to the object. For servers that a test
/// stops and starts; see ``ChildProcess`` for programs that end by themselves.
public final class BackgroundProcess: Sendable {
    /// The program's process.
    public let pid: Int32
    /// The file with its output and errors.
    public let log: String

    private struct State {
        var status: Int32?
        /// The writing end of its standard input; nil if it has none, or if it is closed.
        var input: Int32?
    }
    private let state = Mutex(State())

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: a path, or a name to look up in `PATH`.
    ///   - log: a file that output and errors are appended to.
    ///   - takesInput: whether ``write(line:)`` can send it lines; otherwise its input is empty.
    ///   - environment: added to the environment of the test process.
    public init(
        _ program: String,
        _ arguments: [String],
        log: String,
        takesInput: Bool = false,
        environment: [String: String] = [:]
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Not a pipe: a write to a pipe without a reader raises SIGPIPE.
        var ends: [Int32] = [-1, -1]
        if takesInput {
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
                throw FileFailure(path: program, operation: "socketpair", number: errno)
            }
            posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        defer { if takesInput { close(ends[0]) } }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // SwiftNIO's sockets are inheritable: a child that inherited sockets of other tests would keep their ports taken and
        // their connections open.
        CStellar_spawn_close_from(&actions, 3)

        // Children get the default signals; the test process may block or ignore some.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // A process group of its own: Ctrl-C at the terminal stops the test, and the test stops the child.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)
        )

        let inherited = Self.inheritedEnvironment().filter { environment[$0.key] == nil }
        let merged = (inherited.map { "\($0.key)=\($0.value)" } + environment.map { "\($0.key)=\($0.value)" })
        var arguments = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = merged.map { strdup($0) } + [nil]
        defer {
            for pointer in arguments + variables { free(pointer) }
        }
        var child: pid_t = 0
        let number = posix_spawnp(&child, program, &actions, &attributes, &arguments, &variables)
        guard number == 0 else {
            if takesInput { close(ends[1]) }
            throw FileFailure(path: program, operation: "posix_spawn", number: number)
        }
        pid = child
        self.log = log
        if takesInput {
            let input = ends[1]
            state.withLock { $0.input = input }
        }
    }

    deinit {
        kill()
        closeInput()
    }

    /// Sends a line to its standard input. If the program has ended or reads too slowly, closes its input.
    public func write(line: String) {
        let bytes = Array("\(line)\n".utf8)
        state.withLock { state in
            guard let input = state.input else { return }
            let sent = bytes.withUnsafeBytes { send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent < bytes.count {
                close(input)
                state.input = nil
            }
        }
    }

    /// Closes its standard input.
    public func closeInput() {
        state.withLock { state in
            if let input = state.input { close(input) }
            state.input = nil
        }
    }

    /// The exit status, or 128 + the signal that ended it; nil while it runs.
    public var status: Int32? {
        state.withLock { state in
            if state.status == nil {
                var word: Int32 = 0
                if waitpid(pid, &word, WNOHANG) == pid { state.status = Self.status(ofWait: word) }
            }
            return state.status
        }
    }

    /// Sends a signal while it runs.
    public func signal(_ number: Int32) {
        // The kernel reuses a pid only after waitpid, and only `status` and `kill` call that.
        if status == nil { _ = Glibc.kill(pid, number) }
    }

    /// Stops the program: SIGTERM, a grace period, SIGKILL. Returns its exit status.
    @discardableResult
    public func stop(grace: Duration = .seconds(30)) async -> Int32 {
        signal(SIGTERM)
        if let ended = try? await eventually("process \(pid) ends", within: grace, { status }) { return ended }
        return kill()
    }

    /// Sends SIGKILL, as a crash would end it. Returns its exit status.
    @discardableResult
    public func kill() -> Int32 {
        signal(SIGKILL)
        return state.withLock { state in
            if let status = state.status { return status }
            var word: Int32 = 0
            while waitpid(pid, &word, 0) < 0, errno == EINTR {}
            let ended = Self.status(ofWait: word)
            state.status = ended
            return ended
        }
    }

    private static func status(ofWait word: Int32) -> Int32 {
        let signal = word & 0x7F
        return signal == 0 ? (word >> 8) & 0xFF : 128 + signal
    }

    private static func inheritedEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if let name = parts.first { variables[String(name)] = parts.count == 2 ? String(parts[1]) : "" }
            entry += 1
        }
        return variables
    }
}
