import CStellarLinux
import Glibc

/// Sends and receives datagrams: to the kernel, or to a test.
protocol NetlinkSocket {
    func send(_ bytes: [UInt8]) throws(SystemCallError)
    /// One datagram and its sender's port id.
    func receive() throws(SystemCallError) -> (bytes: [UInt8], sender: UInt32)
}

/// A socket of the rtnetlink family. Its calls block: use it on ``BlockingThreads``.
final class KernelNetlinkSocket: NetlinkSocket {
    /// The kernel fills dumps into buffers of at most 32 KiB (`NLMSG_GOODSIZE` and the reader's own size, linux/netlink.h).
    private static let bufferBytes = 64 * 1024
    /// The kernel responds in microseconds; a lost response must not block a thread for ever.
    private static let timeoutMilliseconds: UInt32 = 5000

    private let descriptor: Int32

    /// Opens a socket in the namespace at `namespace`, or in the daemon's own.
    init(namespace: String? = nil) throws(SystemCallError) {
        if let namespace {
            descriptor = try SystemCallError.check(
                CStellar_netlink_socket_in(namespace),
                "open a netlink socket in \(namespace)"
            )
        } else {
            descriptor = try SystemCallError.check(CStellar_netlink_socket(), "open a netlink socket")
        }
        _ = CStellar_socket_timeout(descriptor, Self.timeoutMilliseconds)
    }

    deinit {
        close(descriptor)
    }

    func send(_ bytes: [UInt8]) throws(SystemCallError) {
        try SystemCallError.check(CStellar_netlink_send(descriptor, bytes, bytes.count), "send to netlink")
    }

    func receive() throws(SystemCallError) -> (bytes: [UInt8], sender: UInt32) {
        var sender: UInt32 = 0
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.bufferBytes) { buffer, count in
            result = CStellar_netlink_receive(descriptor, buffer.baseAddress, buffer.count, &sender)
            count = max(0, min(result, buffer.count))
        }
        guard result >= 0 else { throw SystemCallError(Int32(-result), "receive from netlink") }
        guard result <= Self.bufferBytes else { throw SystemCallError(EMSGSIZE, "receive from netlink") }
        return (bytes, sender)
    }
}

/// Sends one request at a time and collects its response.
///
/// It takes messages from the kernel alone (port id 0), and with the sequence number of the request; others are left over from
/// earlier requests, and dropped.
struct NetlinkSession {
    /// How often a dump is repeated when the table changes meanwhile.
    static let maximumDumpAttempts = 8
    /// Datagrams for one request: the largest table met in practice (100,000 routes) takes about 600.
    static let maximumDatagrams = 65_536

    private let socket: any NetlinkSocket
    private var sequence: UInt32

    init(_ socket: any NetlinkSocket, firstSequence: UInt32 = 1) {
        self.socket = socket
        sequence = firstSequence
    }

    /// Sends a request that changes something and waits for the acknowledgement. `operation` names it in errors.
    mutating func execute(_ request: NetlinkMessageBuilder, _ operation: String) throws {
        _ = try send(request, flags: NLM_F_ACK, operation)
    }

    /// Sends a request for one object.
    mutating func get(_ request: NetlinkMessageBuilder, _ operation: String) throws -> NetlinkMessage {
        guard let message = try send(request, flags: NLM_F_ACK, operation).messages.first else {
            throw SystemCallError(ENOENT, operation)
        }
        return message
    }

    /// Requests a whole table, again when it changed meanwhile.
    mutating func dump(_ request: NetlinkMessageBuilder, _ operation: String) throws -> [NetlinkMessage] {
        for _ in 0..<Self.maximumDumpAttempts {
            let response = try send(request, flags: NLM_F_ROOT | NLM_F_MATCH, operation)
            if !response.interrupted { return response.messages }
        }
        throw SystemCallError(
            EAGAIN,
            operation,
            detail: "the table changed during each of \(Self.maximumDumpAttempts) dumps"
        )
    }

    private mutating func send(
        _ request: NetlinkMessageBuilder,
        flags: Int32,
        _ operation: String
    ) throws -> (messages: [NetlinkMessage], interrupted: Bool) {
        sequence &+= 1
        try socket.send(request.finished(sequence: sequence, extraFlags: flags))
        var messages: [NetlinkMessage] = []
        var interrupted = false
        for _ in 0..<Self.maximumDatagrams {
            let (bytes, sender) = try socket.receive()
            guard sender == 0 else { continue }
            for message in try NetlinkParser.messages(in: bytes[...]) where message.header.sequence == sequence {
                interrupted = interrupted || message.header.flags & UInt16(NLM_F_DUMP_INTR) != 0
                switch Int32(message.header.type) {
                case NLMSG_NOOP:
                    continue
                case NLMSG_ERROR:
                    let acknowledgement = try NetlinkAcknowledgement(message)
                    guard acknowledgement.errno == 0 else {
                        throw SystemCallError(acknowledgement.errno, operation, detail: acknowledgement.message)
                    }
                    return (messages, interrupted)
                case NLMSG_DONE:
                    // A dump's own failure comes as the number in its last message.
                    let error: Int32 = NetlinkParser.number(message.payload.prefix(4)) ?? 0
                    guard error >= 0 else { throw SystemCallError(-error, operation) }
                    return (messages, interrupted)
                default:
                    messages.append(message)
                }
            }
        }
        throw SystemCallError(
            EMSGSIZE,
            operation,
            detail: "more than \(Self.maximumDatagrams) datagrams in one response"
        )
    }
}
