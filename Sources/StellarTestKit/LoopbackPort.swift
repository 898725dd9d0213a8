import FoundationEssentials
import Glibc
import StellarSystem
import Synchronization

/// Ports of 127.0.0.1.
public enum LoopbackPort {
    /// A server of a test does not listen.
    public struct NotListening: Error, CustomStringConvertible {
        public let port: UInt16
        public var description: String { "no server listens on 127.0.0.1:\(port)" }
    }

    /// The last port that was given. The first one is random, as other test processes take ports, too.
    private static let last = Mutex(UInt16.random(in: ports))

    /// A free port, for TCP and UDP. It stays free: the kernel gives connections ports of another range, and each caller gets
    /// another port.
    public static func free() throws -> UInt16 {
        let ports = Self.ports
        return try last.withLock { last in
            for _ in ports {
                last = ports.contains(last &+ 1) ? last &+ 1 : ports.lowerBound
                let isFree = try [SOCK_STREAM, SOCK_DGRAM].allSatisfy { try canBind(last, Int32($0.rawValue)) }
                if isFree { return last }
            }
            throw FileFailure(path: "127.0.0.1", operation: "bind", number: EADDRINUSE)
        }
    }

    /// The ports below the range for connections (ip(7), ip_local_port_range), if there are enough.
    private static let ports: Range<UInt16> = {
        let range = ProcFile.read("/proc/sys/net/ipv4/ip_local_port_range") ?? ""
        let first = range.split(whereSeparator: \.isWhitespace).first
        let end = first.flatMap { UInt16($0) } ?? 32_768
        return end > 12_000 ? 10_000..<end : 10_000..<60_000
    }()

    private static func canBind(_ port: UInt16, _ kind: Int32) throws -> Bool {
        guard let descriptor = try bound(to: port, kind) else { return false }
        close(descriptor)
        return true
    }

    /// A socket that is bound to the port and does not listen; nil if the port is taken.
    private static func bound(to port: UInt16, _ kind: Int32) throws -> Int32? {
        let descriptor = socket(AF_INET, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw FileFailure(path: "127.0.0.1", operation: "socket", number: errno) }
        var address = address(port: port)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if !isBound { close(descriptor) }
        return isBound ? descriptor : nil
    }

    /// Runs `body` with a port that refuses connections: it is bound, and no server listens.
    public static func withRefusing<R>(_ body: (UInt16) async throws -> R) async throws -> R {
        let port = try free()
        guard let descriptor = try bound(to: port, Int32(SOCK_STREAM.rawValue)) else {
            throw FileFailure(path: "127.0.0.1:\(port)", operation: "bind", number: EADDRINUSE)
        }
        defer { close(descriptor) }
        return try await body(port)
    }

    /// Waits until a server accepts connections on the port.
    public static func wait(for port: UInt16, atMost limit: Duration = .seconds(120)) async throws {
        let deadline = ContinuousClock.now + limit
        while !isListening(port) {
            guard ContinuousClock.now < deadline else { throw NotListening(port: port) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private static func isListening(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = address(port: port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
