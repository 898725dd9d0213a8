import Glibc

/// Reads files of procfs, sysfs and cgroups to their end: the kernel does not report their size.
///
/// `FileManager.contents(atPath:)` and `Data(contentsOf:)` of FoundationEssentials stop after the first read(2) of such
/// a file, which gives at most 4 KiB. /proc/self/mounts of a host with twenty containers is longer.
package enum ProcFile {
    /// The default limit: a table of all connections or mounts of a busy host is shorter.
    package static let maximumBytes = 4 << 20
    private static let chunkBytes = 16 << 10

    /// The content of a file as text.
    ///
    /// - Parameter limit: the most bytes.
    /// - Returns: nil if the file cannot be read; `errno` has the reason (`EFBIG`: it is longer than the limit).
    package static func read(_ path: String, limit: Int = maximumBytes) -> String? {
        bytes(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The content of a file as bytes. See ``read(_:limit:)``.
    package static func bytes(_ path: String, limit: Int = maximumBytes) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? bytes : nil }
            guard bytes.count + count <= limit else {
                errno = EFBIG
                return nil
            }
            bytes += chunk[..<count]
        }
    }

    /// The arguments of a process (/proc/PID/cmdline, proc(5)): none for a kernel thread, nil if there is no such
    /// process.
    package static func commandLine(of pid: Int32) -> [String]? {
        bytes("/proc/\(pid)/cmdline")?.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
