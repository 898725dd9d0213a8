import Glibc
import StellarSystem

/// The file operations of networking. All block: call them on ``BlockingThreads``.
enum FileSystem {
    /// `mkdir -p`, mode 0711: other users may pass through, and not list.
    static func makeDirectories(_ path: String) throws(SystemCallError) {
        guard mkdir(path, 0o711) != 0 else { return }
        let failure = errno
        if failure == EEXIST { return }
        let parent = parent(of: path)
        guard failure == ENOENT, parent != path else { throw SystemCallError(failure, "create directory \(path)") }
        try makeDirectories(parent)
        guard mkdir(path, 0o711) == 0 || errno == EEXIST else {
            throw SystemCallError(errno, "create directory \(path)")
        }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func read(_ path: String) throws(SystemCallError) -> String {
        guard let text = ProcFile.read(path) else { throw SystemCallError(errno, "read \(path)") }
        return text
    }

    /// Writes to a file that exists, in one call, as sysctl files want it.
    static func write(_ text: String, to path: String) throws(SystemCallError) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemCallError(errno, "open \(path)") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            throw SystemCallError(errno, "write \(path)")
        }
    }

    /// The names in a directory, sorted; empty when there is none.
    static func names(in directory: String) throws(SystemCallError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw SystemCallError(errno, "list \(directory)")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isExecutable(_ path: String) -> Bool {
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return false }
        return access(path, X_OK) == 0
    }

    /// Removes a file; a missing one is fine.
    static func remove(_ path: String) throws(SystemCallError) {
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else {
            throw SystemCallError(errno, "remove \(path)")
        }
    }

    /// Removes a directory and the plain files in it; a missing one is fine.
    static func removeDirectory(_ path: String) throws(SystemCallError) {
        for name in try names(in: path) { try remove("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else { throw SystemCallError(errno, "remove directory \(path)") }
    }

    /// Replaces a file in one step: a reader sees the old content or the new.
    static func replace(_ path: String, with bytes: [UInt8]) throws(SystemCallError) {
        do {
            try FileReplacement.replace(path, with: bytes, mode: 0o600)
        } catch {
            throw SystemCallError(error.code, "\(error.operation) \(error.path)")
        }
    }
}
