import Glibc
internal import NIOCore
internal import NIOPosix

/// A stream to a peer: one message, and its response if there is one. It lives on the loop.
final class OutboundStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let message: [UInt8]
    private let hasResponse: Bool
    private let done: EventLoopPromise<StreamMessage?>
    private var assembler: StreamAssembler

    /// - Parameters:
    ///   - message: framed, with the preamble.
    ///   - hasResponse: whether to wait for a response; otherwise the stream is done when the message was sent.
    ///   - done: shared with the opener of the stream, which fails it at the time-out.
    init(_ codec: StreamCodec, message: [UInt8], hasResponse: Bool, done: EventLoopPromise<StreamMessage?>) {
        self.message = message
        self.hasResponse = hasResponse
        self.done = done
        assembler = StreamAssembler(codec, hasPreamble: false)
    }

    func channelActive(context: ChannelHandlerContext) {
        let sent = context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: message))).assumeIsolated()
        guard !hasResponse else { return }
        sent.whenComplete { [self] result in
            switch result {
            case .success: done.succeed(nil)
            case .failure(let error): done.fail(error)
            }
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard hasResponse else { return }
        do throws(WireError) {
            guard let message = try assembler.append(unwrapInboundIn(data).readableBytesView) else { return }
            done.succeed(message)
        } catch {
            done.fail(error)
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.fail(StreamFailure.closed)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
        context.close(promise: nil)
    }
}

/// Why a stream to a peer brought no response.
enum StreamFailure: Error, Hashable {
    /// The peer closed it.
    case closed
    case timedOut
    /// The peer sent an error.
    case refused(String)
    /// The response has another type than the request needs.
    case unexpected
    case noAddress

    /// The reason in words, for logs and errors.
    static func text(_ error: any Error) -> String {
        switch error {
        case StreamFailure.closed:
            "it closed the stream without a response: it is not a memberlist peer, or its cluster name or key differs"
        case StreamFailure.timedOut: "no response in time"
        case StreamFailure.refused(let reason): "it refused: \(Self.printable(reason))"
        case StreamFailure.unexpected: "its response does not belong to the request"
        case StreamFailure.noAddress: "it has no address of a family that this node uses"
        case let error as WireError: DropReason(error).explanation
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { text($0.error) } ?? "no address could be reached"
        case ChannelError.connectTimeout: "no response in time"
        default: "\(error)"
        }
    }

    /// A peer's text without control characters: it ends up in a log and on a terminal.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : Character($0) })
    }
}
