import Glibc

/// Makes the listening socket of a path, and sets its mode before a client can connect.
enum UnixListenerSocket {
    /// - Returns: a bound descriptor; the caller calls `listen`.
    /// - Throws: `RPCError` naming the path.
    static func bind(_ path: String, mode: UInt32) throws(RPCError) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            throw RPCError(.invalidArgument, "the socket path \(path) is longer than 107 bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        if try isStale(path, address) { unlink(path) }
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw error("cannot make a socket for \(path)") }
        let bound = withSocketAddress(address) { Glibc.bind(socket, $0, $1) }
        guard bound == 0, chmod(path, mode) == 0 else {
            let failure = error("cannot listen on \(path)")
            close(socket)
            throw failure
        }
        return socket
    }

    /// Whether the path is a socket without a listener.
    private static func isStale(_ path: String, _ address: sockaddr_un) throws(RPCError) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw RPCError(
                .alreadyExists,
                "cannot listen on \(path): a file that is not a socket exists there; move it or choose another path"
            )
        }
        let probe = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw error("cannot make a socket for \(path)") }
        defer { close(probe) }
        let connected = withSocketAddress(address) { connect(probe, $0, $1) }
        guard connected != 0 else {
            throw RPCError(.alreadyExists, "cannot listen on \(path): another process is listening on it")
        }
        return errno == ECONNREFUSED
    }

    private static func withSocketAddress(
        _ address: sockaddr_un,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    private static func error(_ what: String) -> RPCError {
        let number = errno
        let code: RPCCode = number == EACCES || number == EPERM ? .permissionDenied : .unavailable
        return RPCError(code, "\(what): \(String(cString: strerror(number)))")
    }
}
