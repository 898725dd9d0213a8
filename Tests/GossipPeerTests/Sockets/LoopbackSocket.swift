import Glibc

/// A non-blocking socket of 127.0.0.0/8, for taps and hostile peers.
final class LoopbackSocket {
    struct Failure: Error {
        var operation: String
        var number: Int32
    }

    private let descriptor: Int32

    private init(owning descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { close(descriptor) }

    /// A datagram socket at a port of 127.0.0.`host`; 0 is any port.
    static func datagrams(port: UInt16 = 0, host: UInt8 = 1) throws -> LoopbackSocket {
        try LoopbackSocket(owning: bound(SOCK_DGRAM, port, host))
    }

    /// A socket that accepts connections.
    static func listener(port: UInt16, host: UInt8 = 1) throws -> LoopbackSocket {
        let descriptor = try bound(SOCK_STREAM, port, host)
        guard listen(descriptor, 128) == 0 else {
            close(descriptor)
            throw Failure(operation: "listen", number: errno)
        }
        return LoopbackSocket(owning: descriptor)
    }

    /// A connection; on loopback it is accepted or refused at once.
    static func connection(to port: UInt16) throws -> LoopbackSocket {
        let descriptor = try open(SOCK_STREAM)
        guard withAddress(port, { connect(descriptor, $0, $1) }) == 0 else {
            let number = errno
            close(descriptor)
            throw Failure(operation: "connect", number: number)
        }
        return LoopbackSocket(owning: descriptor)
    }

    /// The next connection of a listener, if there is one.
    func accept() -> LoopbackSocket? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        return accepted < 0 ? nil : LoopbackSocket(owning: accepted)
    }

    /// Sends a datagram to a port of 127.0.0.1.
    func send(_ bytes: [UInt8], to port: UInt16) {
        _ = Self.withAddress(port) { address, length in
            bytes.withUnsafeBytes { sendto(descriptor, $0.baseAddress, $0.count, 0, address, length) }
        }
    }

    /// Writes bytes into a connection.
    ///
    /// - Returns: how many it took; nil once the peer has closed it.
    func write(_ bytes: ArraySlice<UInt8>) -> Int? {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        return count >= 0 ? count : errno == EAGAIN ? 0 : nil
    }

    /// Received bytes, or the end.
    enum Received: Equatable {
        case nothing
        case bytes([UInt8])
        /// The peer closed or reset the connection.
        case end
    }

    /// One datagram with its sender's port, or what a connection holds.
    func receive() -> (what: Received, port: UInt16) {
        var sender = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = withUnsafeMutablePointer(to: &sender) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                recvfrom(descriptor, &buffer, buffer.count, 0, address, &length)
            }
        }
        if count > 0 { return (.bytes(Array(buffer[..<count])), UInt16(bigEndian: sender.sin_port)) }
        // A datagram to an unused port comes back as a refusal, which does not concern this socket.
        return (count < 0 && (errno == EAGAIN || errno == ECONNREFUSED) ? .nothing : .end, 0)
    }

    /// Closes the sending direction; the other one stays open.
    func finishWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// The port that the kernel chose.
    var port: UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func bound(_ kind: __socket_type, _ port: UInt16, _ host: UInt8) throws -> Int32 {
        let descriptor = try open(kind)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard withAddress(port, host: host, { bind(descriptor, $0, $1) }) == 0 else {
            let number = errno
            close(descriptor)
            throw Failure(operation: "bind \(port)", number: number)
        }
        return descriptor
    }

    private static func open(_ kind: __socket_type) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(operation: "socket", number: errno) }
        return descriptor
    }

    private static func withAddress<R>(
        _ port: UInt16,
        host: UInt8 = 1,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (UInt32(0x7F00_0000) | UInt32(host)).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
