import Glibc
import StellarRPC
import StellarTestKit

/// A listening socket on loopback whose connections a test serves frame by frame.
final class ScriptedServer {
    private let descriptor: Int32
    let address: RPCAddress

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw RawConnection.Failure(operation: "socket", number: errno) }
        var local = sockaddr_in()
        local.sin_family = sa_family_t(AF_INET)
        local.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &local) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                guard bind(descriptor, pointer, size) == 0, listen(descriptor, 16) == 0 else { return Int32(-1) }
                return getsockname(descriptor, pointer, &size)
            }
        }
        guard status == 0 else {
            let number = errno
            close(descriptor)
            throw RawConnection.Failure(operation: "listen", number: number)
        }
        address = .tcp(host: "127.0.0.1", port: Int(in_port_t(bigEndian: local.sin_port)))
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// The next connection.
    func accept() async throws -> RawConnection {
        try await eventually("a client connects", within: .seconds(60)) { () -> RawConnection? in
            acceptNow()
        }
    }

    func acceptNow() -> RawConnection? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        return accepted >= 0 ? RawConnection(accepted: accepted) : nil
    }
}

extension RawConnection {
    /// Waits for a client's whole request.
    /// - Returns: its one message.
    func awaitRequest(_ stream: UInt32) async throws -> String {
        try await awaitFrame("the end of request \(stream)") { $0.stream == stream && $0.type == 0 && $0.endsStream }
        let bytes = frames.filter { $0.stream == stream && $0.type == 0 }.flatMap(\.payload)
        return String(decoding: bytes.dropFirst(5), as: UTF8.self)
    }

    /// The streams that a client has opened.
    var openedStreams: [UInt32] { frames.filter { $0.type == 1 }.map(\.stream) }
}
