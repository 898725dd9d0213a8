import Glibc
import StellarSystem

/// Small blocking file operations, for a thread pool.
enum Disk {
    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(DiskError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            guard mkdir(made, mode) == 0 || errno == EEXIST else { throw failure("make directory", made) }
        }
    }

    /// Writes a file so that a reader, or a crash, sees the old content or the new.
    ///
    /// - Parameter isDurable: it is the new one also after a power failure.
    static func replace(_ path: String, with text: String, mode: mode_t = 0o644, isDurable: Bool = false) throws {
        do {
            try FileReplacement.replace(path, with: Array(text.utf8), mode: mode, isDurable: isDurable)
        } catch {
            throw failure("write", error.path, error.code)
        }
    }

    /// The last bytes of a file; none when it is not there.
    static func tail(_ path: String, bytes wanted: Int) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        lseek(descriptor, max(0, size - off_t(wanted)), SEEK_SET)
        var bytes = [UInt8](repeating: 0, count: wanted)
        let count = read(descriptor, &bytes, wanted)
        return Array(bytes.prefix(max(0, count)))
    }

    /// The names in a directory, sorted; none when it is not there.
    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw failure("read directory", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Where a symbolic link points; empty for what is none.
    static func linkTarget(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a directory of files; one that is not there is fine. A link in it is removed, not followed.
    static func removeDirectory(_ path: String) throws {
        for name in try names(in: path) {
            let file = "\(path)/\(name)"
            guard unlink(file) == 0 || errno == ENOENT else { throw failure("remove", file) }
        }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    static func failure(_ verb: String, _ path: String, _ number: Int32 = errno) -> DiskError {
        let code: ErrorCode = number == ENOSPC || number == EDQUOT ? .resourceExhausted : .failedPrecondition
        return DiskError(code, "cannot \(verb) \(path): \(String(cString: strerror(number)))")
    }
}

/// Why a file or a directory cannot be used.
struct DiskError: DomainError {
    var code: ErrorCode
    var message: String
}
