import Glibc
import Synchronization

/// An HTTP/1.1 server with responses of the test: it can break off in the middle, lie, hang and redirect. Real registries are
/// ``TestRegistry``; use this one only for faults.
///
/// Each connection has one request; the server closes it after the response.
public final class FakeRegistry: Sendable {
    public struct Request: Sendable, Hashable {
        public var method: String
        /// The path with the query string.
        public var path: String
        /// By name in lower case.
        public var headers: [String: String]
        public var body: [UInt8]
    }

    public struct Response: Sendable {
        public var status: Int
        public var headers: [(String, String)]
        public var body: [UInt8]
        /// The `Content-Length` to claim; nil for the true one.
        public var claimedLength: Int?
        /// Cuts the connection after that many bytes of the body.
        public var cutAfter: Int?
        /// Sends nothing after that many bytes of the body (0: not even the head), until the client gives up.
        public var hangAfter: Int?
        /// Sends the body in pieces of that many bytes, with a pause after each.
        public var trickle: (bytes: Int, pause: Duration)?

        public init(
            _ status: Int,
            headers: [(String, String)] = [],
            body: [UInt8] = [],
            claimedLength: Int? = nil,
            cutAfter: Int? = nil,
            hangAfter: Int? = nil,
            trickle: (bytes: Int, pause: Duration)? = nil
        ) {
            self.status = status
            self.headers = headers
            self.body = body
            self.claimedLength = claimedLength
            self.cutAfter = cutAfter
            self.hangAfter = hangAfter
            self.trickle = trickle
        }
    }

    /// `127.0.0.1:PORT`.
    public let host: String
    private let listener: Int32
    private let respond: @Sendable (Request) -> Response
    private let seen = Mutex<[Request]>([])
    private let open = Mutex<Set<Int32>>([])
    private let isStopped = Atomic(false)

    /// Every request so far, in the order of arrival.
    public var requests: [Request] { seen.withLock { $0 } }

    /// Serves while `body` runs.
    public static func with<R>(
        _ respond: @escaping @Sendable (Request) -> Response,
        _ body: (FakeRegistry) async throws -> R
    ) async throws -> R {
        let server = try FakeRegistry(respond)
        defer { server.stop() }
        return try await body(server)
    }

    private init(_ respond: @escaping @Sendable (Request) -> Response) throws {
        self.respond = respond
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        listener = descriptor
        var address = LoopbackPort.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        host = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        guard bound else { throw FileFailure(path: "127.0.0.1", operation: "bind", number: errno) }
        // Only the thread closes the listener: after a close, another test's socket could get its number.
        OwnedThread.run { [self] in
            defer { close(descriptor) }
            while !isStopped.load(ordering: .acquiring) {
                let connection = accept(descriptor, nil, nil)
                if connection < 0, [EINTR, ECONNABORTED, EMFILE, ENFILE].contains(errno) { continue }
                guard connection >= 0 else { return }
                open.withLock { _ = $0.insert(connection) }
                OwnedThread.run { [self] in
                    serve(connection)
                    open.withLock { _ = $0.remove(connection) }
                    close(connection)
                }
            }
        }
    }

    private func stop() {
        isStopped.store(true, ordering: .releasing)
        shutdown(listener, Int32(SHUT_RDWR))
        open.withLock { for connection in $0 { shutdown(connection, Int32(SHUT_RDWR)) } }
    }

    private func serve(_ connection: Int32) {
        guard let request = Self.read(connection) else { return }
        seen.withLock { $0.append(request) }
        let response = respond(request)
        if response.hangAfter == 0 { return Self.waitForEnd(connection) }
        var head = "HTTP/1.1 \(response.status) Status\r\nConnection: close\r\n"
        for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
        head += "Content-Length: \(response.claimedLength ?? response.body.count)\r\n\r\n"
        guard Self.write(Array(head.utf8)[...], to: connection), request.method != "HEAD" else { return }
        let count = min(response.cutAfter ?? .max, response.hangAfter ?? .max, response.body.count)
        let piece = response.trickle?.bytes ?? max(count, 1)
        for start in stride(from: 0, to: count, by: piece) {
            guard Self.write(response.body[start..<min(start + piece, count)], to: connection) else { return }
            if let trickle = response.trickle { usleep(UInt32(trickle.pause / .microseconds(1))) }
        }
        if response.hangAfter != nil { Self.waitForEnd(connection) }
    }

    private static func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let position = (0..<max(bytes.count - 3, 0)).first(where: { Array(bytes[$0..<$0 + 4]) == end }) {
                let lines = String(decoding: bytes[..<position], as: UTF8.self).split(separator: "\r\n")
                let words = lines.first?.split(separator: " ").map(String.init) ?? []
                guard words.count == 3 else { return nil }
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
                }
                let wanted = position + 4 + (headers["content-length"].flatMap { Int($0) } ?? 0)
                if bytes.count >= wanted {
                    let body = Array(bytes[(position + 4)..<wanted])
                    return Request(method: words[0], path: words[1], headers: headers, body: body)
                }
            }
            let count = Glibc.read(connection, &buffer, buffer.count)
            guard count > 0, bytes.count < 1 << 20 else { return nil }
            bytes += buffer[..<count]
        }
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to connection: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func waitForEnd(_ connection: Int32) {
        var byte: UInt8 = 0
        while Glibc.read(connection, &byte, 1) > 0 {}
    }
}

/// A thread for blocking work, which would take a thread of Swift's task pool otherwise.
private enum OwnedThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    static func run(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let status = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            },
            work.toOpaque()
        )
        if status == 0 { pthread_detach(thread) } else { work.release() }
    }
}
