import CNghttp2
import Glibc
import StellarRPC
import StellarTestKit

/// A raw TCP socket for hostile clients.
final class RawConnection {
    /// How the peer ended the connection.
    enum Ending: Equatable {
        case orderly, reset
    }

    struct Failure: Error {
        var operation: String
        var number: Int32
    }

    private var descriptor: Int32
    /// Bytes before the frames: a client's preface.
    private let prefaceLength: Int
    private(set) var received: [UInt8] = []
    private(set) var ending: Ending?

    /// - Throws: ``Failure`` if the connection is refused.
    init(to address: RPCAddress) throws {
        guard case .tcp(_, let port) = address else {
            throw Failure(operation: "tcp", number: 0)
        }
        prefaceLength = 0
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(operation: "socket", number: errno) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(port).bigEndian
        target.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let status = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw Failure(operation: "connect", number: number)
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// Takes over a socket that a client has connected to.
    init(accepted descriptor: Int32) {
        self.descriptor = descriptor
        prefaceLength = H2.preface.count
        // A program that another test starts must not hold it open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Sends as many bytes as the socket accepts now.
    /// - Returns: the count; 0 if the socket is full or closed.
    func sendNow(_ bytes: ArraySlice<UInt8>) -> Int {
        let count = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno != EAGAIN { ending = ending ?? .reset }
        return max(0, count)
    }

    /// Sends all of it, unless the peer ends the connection before.
    func send(_ bytes: [UInt8], within limit: Duration = .seconds(120)) async throws {
        var rest = bytes[...]
        try await eventually("\(bytes.count) bytes are taken", within: limit) { () -> Bool? in
            while !rest.isEmpty, ending == nil {
                let count = sendNow(rest)
                rest = rest.dropFirst(count)
                if count == 0 { break }
            }
            return rest.isEmpty || ending != nil ? true : nil
        }
    }

    /// Reads the available bytes.
    func receiveNow() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while ending == nil {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 {
                ending = .orderly
            } else {
                if errno != EAGAIN { ending = .reset }
                return
            }
        }
    }

    /// Reads the bytes before the end, after a failed write.
    func receiveRest() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { received += buffer[..<count] }
    }

    /// Waits until the peer ends the connection.
    func awaitEnd(within limit: Duration = .seconds(120)) async throws {
        try await eventually("the server ends the connection", within: limit) { () -> Bool? in
            receiveNow()
            return ending == nil ? nil : true
        }
    }

    /// The whole frames that have come so far.
    var frames: [H2.Frame] { H2.parse(Array(received.dropFirst(prefaceLength))) }

    /// The last GOAWAY that has come.
    var goAway: (code: UInt32, reason: String)? {
        guard let payload = frames.last(where: { $0.type == 7 })?.payload, payload.count >= 8 else { return nil }
        return (
            payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }, String(decoding: payload.dropFirst(8), as: UTF8.self)
        )
    }

    /// Waits for a frame.
    @discardableResult
    func awaitFrame(
        _ what: String,
        where matches: (H2.Frame) -> Bool
    ) async throws -> H2.Frame {
        try await eventually(what) { () -> H2.Frame? in
            receiveNow()
            return frames.first(where: matches)
        }
    }
}

/// HTTP/2 by hand (RFC 9113, section 4.1), right or wrong.
enum H2 {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let hello = preface + frame(4)

    struct Frame: Equatable {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        var endsStream: Bool { type <= 1 && flags & 1 != 0 }
    }

    /// - Parameter length: the length in the header, if it is not the payload's.
    static func frame(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: UInt32 = 0,
        _ payload: [UInt8] = [],
        length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? payload.count
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
            + bigEndian(stream) + payload
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    /// HPACK: a literal without indexing, new name (RFC 7541, section 6.2.2).
    static func field(_ name: String, _ value: String) -> [UInt8] {
        [0] + string(name) + string(value)
    }

    /// A server's SETTINGS, and its acknowledgement of the client's.
    static let serverHello = frame(4) + frame(4, flags: 1)

    /// A whole response with one message.
    static func response(_ stream: UInt32, _ text: String) -> [UInt8] {
        headers(stream, field(":status", "200") + field("content-type", "application/grpc"))
            + data(stream, message(Array(text.utf8)))
            + headers(stream, field("grpc-status", "0"), end: true)
    }

    /// - Parameter code: of RFC 9113 section 7.
    static func goAway(last: UInt32, code: UInt32 = 0) -> [UInt8] {
        frame(7, bigEndian(last) + bigEndian(code))
    }

    static func reset(_ stream: UInt32, code: UInt32) -> [UInt8] {
        frame(3, stream: stream, bigEndian(code))
    }

    private static func string(_ text: String) -> [UInt8] {
        var rest = text.utf8.count
        guard rest >= 127 else { return [UInt8(rest)] + text.utf8 }
        var bytes: [UInt8] = [127]
        rest -= 127
        while rest >= 128 {
            bytes.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return bytes + [UInt8(rest)] + text.utf8
    }

    /// The header block of a call of the interop service.
    static func request(_ method: String, _ more: [(String, String)] = [], without: Set<String> = []) -> [UInt8] {
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/interop.Echo/\(method)"), (":authority", "test"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        return (fields.filter { !without.contains($0.0) } + more).flatMap { field($0.0, $0.1) }
    }

    /// HEADERS that end their block.
    static func headers(_ stream: UInt32, _ block: [UInt8], end: Bool = false) -> [UInt8] {
        frame(1, flags: end ? 5 : 4, stream: stream, block)
    }

    static func data(_ stream: UInt32, _ payload: [UInt8], end: Bool = false) -> [UInt8] {
        frame(0, flags: end ? 1 : 0, stream: stream, payload)
    }

    /// A gRPC message: flag, length, bytes.
    static func message(_ bytes: [UInt8], flag: UInt8 = 0, length: UInt32? = nil) -> [UInt8] {
        [flag] + bigEndian(length ?? UInt32(bytes.count)) + bytes
    }

    static func parse(_ bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            let length = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
            guard rest.count >= 9 + length else { break }
            let stream = header[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            frames.append(
                Frame(
                    type: header[3],
                    flags: header[4],
                    stream: stream,
                    payload: Array(rest.dropFirst(9).prefix(length))
                )
            )
            rest = rest.dropFirst(9 + length)
        }
        return frames
    }

    /// Decodes the header blocks of a connection, in order: the status fields of one stream.
    static func fields(of stream: UInt32, in frames: [Frame]) -> [String: String] {
        var inflater: OpaquePointer?
        guard nghttp2_hd_inflate_new(&inflater) == 0 else { return [:] }
        defer { nghttp2_hd_inflate_del(inflater) }
        var fields: [String: String] = [:]
        for frame in frames where frame.type == 1 {
            var rest = frame.payload[...]
            while true {
                var pair = nghttp2_nv()
                var flags: Int32 = 0
                let count = rest.withUnsafeBufferPointer {
                    nghttp2_hd_inflate_hd2(inflater, &pair, &flags, $0.baseAddress, $0.count, 1)
                }
                guard count >= 0 else { return fields }
                rest = rest.dropFirst(count)
                if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0, frame.stream == stream {
                    let name = String(
                        decoding: UnsafeBufferPointer(start: pair.name, count: pair.namelen),
                        as: UTF8.self
                    )
                    let value = String(
                        decoding: UnsafeBufferPointer(start: pair.value, count: pair.valuelen),
                        as: UTF8.self
                    )
                    fields[name] = value
                }
                if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                    nghttp2_hd_inflate_end_headers(inflater)
                    break
                }
                if count == 0, flags == 0 { break }
            }
        }
        return fields
    }
}

/// Anonymous memory of this process, bytes (proc(5), RssAnon).
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix("RssAnon:") else { continue }
        return text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first.map { $0 << 10 } ?? 0
    }
    return 0
}
