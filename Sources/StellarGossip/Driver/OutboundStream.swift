import Glibc
internal import NIOCore
internal import NIOPosix

/// A stream to a peer: one message, and its answer where there is one. Lives on the loop.
final class OutboundStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let message: [UInt8]
    private let hasAnswer: Bool
    private let done: EventLoopPromise<StreamMessage?>
    private var assembler: StreamAssembler

    /// - Parameters:
    ///   - message: framed, with the preamble.
    ///   - hasAnswer: whether the end is the answer, or that the message was sent.
    ///   - done: kept by whoever opens the stream, too: it fails it when the time is up.
    init(_ codec: StreamCodec, message: [UInt8], hasAnswer: Bool, done: EventLoopPromise<StreamMessage?>) {
        self.message = message
        self.hasAnswer = hasAnswer
        self.done = done
        assembler = StreamAssembler(codec, hasPreamble: false)
    }

    func channelActive(context: ChannelHandlerContext) {
        let sent = context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: message))).assumeIsolated()
        guard !hasAnswer else { return }
        sent.whenComplete { [self] result in
            switch result {
            case .success: done.succeed(nil)
            case .failure(let error): done.fail(error)
            }
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard hasAnswer else { return }
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

/// Why a stream to a peer brought no answer.
enum StreamFailure: Error, Hashable {
    /// The peer closed it.
    case closed
    case timedOut
    /// The peer says why it does not answer.
    case refused(String)
    /// It answered something else than was asked.
    case unexpected
    case noAddress

    /// An error of a stream, for people.
    static func text(_ error: any Error) -> String {
        switch error {
        case StreamFailure.closed:
            "it closed the stream without an answer: no memberlist, or another cluster name or key than here"
        case StreamFailure.timedOut: "no answer in time"
        case StreamFailure.refused(let reason): "it answered: \(Self.printable(reason))"
        case StreamFailure.unexpected: "it answered something else than was asked"
        case StreamFailure.noAddress: "no address of a family that this node gossips on"
        case let error as WireError: DropReason(error).explanation
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { text($0.error) } ?? "no address could be reached"
        case ChannelError.connectTimeout: "no answer in time"
        default: "\(error)"
        }
    }

    /// What a peer says ends up in a log and on a terminal.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : Character($0) })
    }
}
