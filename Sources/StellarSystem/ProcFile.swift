import Glibc

/// Files whose size the kernel does not tell, as those of procfs, sysfs and cgroups: they are read to their end.
///
/// `FileManager.contents(atPath:)` and `Data(contentsOf:)` of FoundationEssentials take the first read(2) of such a file for all
/// of it, which is at most 4 KiB: /proc/self/mounts of a host with twenty containers is longer.
package enum ProcFile {
    /// The longest expected is a table of all connections or mounts of a busy host.
    package static let maximumBytes = 4 << 20
    private static let chunkBytes = 16 << 10

    /// - Parameter limit: A file of more bytes is not read.
    /// - Returns: nil where it cannot be read; `errno` says why (`EFBIG`: it is over the limit).
    package static func read(_ path: String, limit: Int = maximumBytes) -> String? {
        bytes(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// As ``read(_:limit:)``.
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

    /// The arguments that a process was started with (/proc/PID/cmdline, proc(5)): none of a kernel thread, nil where it is gone.
    package static func commandLine(of pid: Int32) -> [String]? {
        bytes("/proc/\(pid)/cmdline")?.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
