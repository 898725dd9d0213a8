import NIOCore
import NIOPosix
import Synchronization

@testable import StellarNet

/// A DNS server on loopback that answers as a test tells it, and remembers what it was asked.
final class ScriptedUpstream: Sendable {
    struct Question: Sendable, Hashable {
        var bytes: [UInt8]
        /// The port of the socket that asked.
        var port: Int

        var id: UInt16 { UInt16(bytes[0]) << 8 | UInt16(bytes[1]) }
    }

    /// Sends datagrams to whoever asked: from the server's own socket, or from another one.
    typealias Script = @Sendable (Question) -> [(bytes: [UInt8], fromElsewhere: Bool)]

    let upstream: DNSUpstream
    private let channels: [any Channel]
    private let seen: Seen

    private final class Seen: Sendable {
        let questions = Mutex<[Question]>([])
    }

    /// In the order of their arrival.
    var questions: [Question] { seen.questions.withLock { $0 } }

    init(_ script: @escaping Script) async throws {
        let seen = Seen()
        let group = MultiThreadedEventLoopGroup.singleton
        let elsewhere = try await DatagramBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let server = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(script, elsewhere) { question in seen.questions.withLock { $0.append(question) } }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        channels = [server, elsewhere]
        upstream = DNSUpstream(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
        self.seen = seen
    }

    func stop() async {
        for channel in channels { try? await channel.close() }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        private let script: Script
        private let elsewhere: any Channel
        private let note: (Question) -> Void

        init(_ script: @escaping Script, _ elsewhere: any Channel, note: @escaping (Question) -> Void) {
            self.script = script
            self.elsewhere = elsewhere
            self.note = note
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            let client = envelope.remoteAddress
            let question = Question(bytes: Array(envelope.data.readableBytesView), port: client.port ?? 0)
            note(question)
            for (bytes, fromElsewhere) in script(question) {
                let answer = AddressedEnvelope(remoteAddress: client, data: ByteBuffer(bytes: bytes))
                if fromElsewhere {
                    elsewhere.writeAndFlush(answer, promise: nil)
                } else {
                    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
                }
            }
        }
    }
}

/// The answer to a question for an A record: the question's bytes, and this address.
func answered(_ question: [UInt8], _ address: [UInt8], changing: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    guard case .query(let query) = DNSQuery.read(question) else { return [] }
    var builder = DNSResponseBuilder(query, overStream: true)
    builder.answer(DNSRecordData(.a, address))
    var bytes = builder.finished()
    changing(&bytes)
    return bytes
}
