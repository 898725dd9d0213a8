import Glibc

/// This host, as the Health service shows it.
struct HostHealth: Sendable, Hashable {
    /// uname(2): `Linux` and the release.
    var systemName: String
    var systemRelease: String
    var cpus: Int64
    /// Bytes, of /proc/meminfo (proc_meminfo(5)).
    var memoryTotal: Int64
    var memoryFree: Int64
    var memoryUsed: Int64

    static func now() -> HostHealth {
        var name = utsname()
        uname(&name)
        let memory = Memory(meminfo: ProcFile.read("/proc/meminfo") ?? "")
        return HostHealth(
            systemName: string(&name.sysname),
            systemRelease: string(&name.release),
            cpus: Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            memoryTotal: memory.total,
            memoryFree: memory.free,
            memoryUsed: memory.total - memory.available
        )
    }

    private static func string<Tuple>(_ tuple: inout Tuple) -> String {
        withUnsafeBytes(of: &tuple) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// The lines of /proc/meminfo that count, in bytes.
    struct Memory: Sendable, Hashable {
        var total: Int64 = 0
        var free: Int64 = 0
        var available: Int64 = 0

        init(meminfo: String) {
            for line in meminfo.split(separator: "\n") {
                let fields = line.split(separator: " ")
                guard fields.count >= 2, let kibibytes = Int64(fields[1]) else { continue }
                switch fields[0] {
                case "MemTotal:": total = kibibytes << 10
                case "MemFree:": free = kibibytes << 10
                case "MemAvailable:": available = kibibytes << 10
                default: break
                }
            }
        }
    }
}

/// Reads files of /proc, which never block: the kernel makes them up in memory.
enum ProcFile {
    /// Most files read here have a few kilobytes.
    private static let maximumBytes = 64 << 10

    /// - Parameter limit: A file of more bytes is not read.
    static func read(_ path: String, limit: Int = maximumBytes) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
            bytes += buffer[..<count]
        }
        return nil
    }
}
