import Glibc

/// Keeps two daemons from working on one data directory: an flock(2) on `<DataDir>/lock`, which the kernel frees with
/// the process, however it ends.
struct DataDirectoryLock: Sendable {
    private let descriptor: Int32

    init(directory: String) throws {
        let path = "\(directory)/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartError("cannot open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StartError(
                "another stellar works on \(directory); stop it first, or set another DataDir (--data-dir) and StateDir"
            )
        }
    }

    func release() {
        close(descriptor)
    }
}

/// Why the daemon cannot start: names the thing and the fix.
public struct StartError: Error, Sendable, CustomStringConvertible {
    /// In one line.
    public var description: String

    init(_ description: String) {
        self.description = description
    }
}
