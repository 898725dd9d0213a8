import Glibc
import StellarSystem

/// The program that listens on a port of this host, so that the error about a taken port can name it.
struct PortHolder: Sendable, Hashable, CustomStringConvertible {
    var pid: Int32
    /// Its name, of at most 15 bytes (proc_pid_comm(5)).
    var program: String

    var description: String { "\(program) (process \(pid))" }

    /// A busy host has a line of 150 bytes for each of its connections in these tables.
    private static let maximumTableBytes = 16 << 20

    /// The first program found that has a listening TCP socket on the port; nil where none is seen, as of a process in
    /// another process namespace.
    static func ofTCP(port: Int) -> PortHolder? {
        holder(of: port, tables: ["/proc/net/tcp", "/proc/net/tcp6"], state: listening)
    }

    /// The same for gossip, which needs the port for TCP and for UDP.
    static func ofGossip(port: Int) -> PortHolder? {
        ofTCP(port: port) ?? holder(of: port, tables: ["/proc/net/udp", "/proc/net/udp6"], state: unconnected)
    }

    private static func holder(of port: Int, tables: [String], state: Substring) -> PortHolder? {
        var inodes: Set<UInt64> = []
        for table in tables {
            let text = ProcFile.read(table, limit: maximumTableBytes) ?? ""
            inodes.formUnion(sockets(table: text, port: port, state: state))
        }
        guard !inodes.isEmpty else { return nil }
        let links = Set(inodes.map { "socket:[\($0)]" })
        for pid in ((try? Disk.names(in: "/proc")) ?? []).compactMap({ Int32($0) }).sorted() {
            let folder = "/proc/\(pid)/fd"
            // A process may end while it is looked at.
            for name in (try? Disk.names(in: folder)) ?? [] where links.contains(Disk.linkTarget("\(folder)/\(name)")) {
                let program = ProcFile.read("/proc/\(pid)/comm") ?? "?"
                return PortHolder(pid: pid, program: String(program.prefix { !$0.isNewline }))
            }
        }
        return nil
    }

    /// The inodes of the sockets that a port belongs to.
    ///
    /// - Parameters:
    ///   - table: The content of `/proc/net/tcp`, `udp`, `tcp6` or `udp6` (proc_pid_net(5)): a heading, then lines whose
    ///     fields are number, local address and port in hexadecimal, remote ones, state, …; the tenth is the inode.
    ///   - state: Of the sockets that count.
    static func sockets(table: String, port: Int, state: Substring = listening) -> [UInt64] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == state,
                let colon = fields[1].lastIndex(of: ":"),
                Int(fields[1][fields[1].index(after: colon)...], radix: 16) == port
            else { return nil }
            return UInt64(fields[9])
        }
    }

    /// TCP_LISTEN of linux/net/tcp_states.h.
    static let listening: Substring = "0A"
    /// What a UDP socket without a peer has there (TCP_CLOSE).
    private static let unconnected: Substring = "07"
}
