package import Glibc

/// Replaces a file as a whole: writes a new file beside the old one and renames it (rename(2)). Readers see the old
/// content or the new, also after a crash.
package enum FileReplacement {
    /// A failed operation, with the file and errno.
    package struct Failure: Error, Sendable, Hashable {
        package let operation: String
        package let path: String
        package let code: Int32

        package var reason: String { String(cString: strerror(code)) }
    }

    /// Replaces the file.
    ///
    /// - Parameters:
    ///   - mode: the permissions of the new file, before the umask.
    ///   - isDurable: whether the new file survives a power failure: its content and name are on the disk on return.
    /// - Throws: ``Failure``. The old file is unchanged, except if only the flush of the new name failed.
    package static func replace(
        _ path: String,
        with bytes: [UInt8],
        mode: mode_t,
        isDurable: Bool = false
    ) throws(Failure) {
        let temporary = "\(path).new"
        // A temporary file that a crash left may have another mode.
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw failure("create", temporary) }
        do throws(Failure) {
            defer { close(file) }
            try write(bytes, to: file, temporary)
            guard !isDurable || fsync(file) == 0 else { throw failure("flush", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("replace", path)
            unlink(temporary)
            throw error
        }
        if isDurable { try flushFolder(of: path) }
    }

    private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            rest = rest.dropFirst(count)
        }
    }

    /// Flushes the folder: only then is the new name on the disk, too (fsync(2)).
    private static func flushFolder(of path: String) throws(Failure) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("flush", folder) }
    }

    private static func failure(_ operation: String, _ path: String) -> Failure {
        Failure(operation: operation, path: path, code: errno)
    }
}
