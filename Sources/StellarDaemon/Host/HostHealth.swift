import Glibc
import StellarSystem

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

        /// The kernel lists them first (fs/proc/meminfo.c), so that of its fifty lines the others are not looked at.
        init(meminfo: String) {
            var lines = meminfo.utf8[...]
            var missing = 3
            while missing > 0, !lines.isEmpty {
                let line = lines.prefix { $0 != UInt8(ascii: "\n") }
                lines = lines[line.endIndex...].dropFirst()
                let fields = line.split(separator: UInt8(ascii: " "))
                guard fields.count >= 2, let kibibytes = Int64(Substring(fields[1])) else { continue }
                switch Substring(fields[0]) {
                case "MemTotal:": total = kibibytes << 10
                case "MemFree:": free = kibibytes << 10
                case "MemAvailable:": available = kibibytes << 10
                default: continue
                }
                missing -= 1
            }
        }
    }
}
