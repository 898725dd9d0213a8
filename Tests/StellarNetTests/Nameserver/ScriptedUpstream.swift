import NIOCore
import NIOPosix
import Synchronization

@testable import StellarNet

/// A DNS server on loopback that runs a test's script, and records its queries.
final class ScriptedUpstream: Sendable {
    struct Query: Sendable, Hashable {
        var bytes: [UInt8]
        /// The port of the client's socket.
        var port: Int

        var id: UInt16 { UInt16(bytes[0]) << 8 | UInt16(bytes[1]) }
    }

    /// The datagrams to send to the client: from the server's own socket, or from another one.
    typealias Script = @Sendable (Query) -> [(bytes: [UInt8], fromElsewhere: Bool)]

    let upstream: DNSUpstream
    private let channels: [any Channel]
    private let seen: Seen

    private final class Seen: Sendable {
        let queries = Mutex<[Query]>([])
    }

    /// In the order of their arrival.
    var queries: [Query] { seen.queries.withLock { $0 } }

    init(_ script: @escaping Script) async throws {
        let seen = Seen()
        let group = MultiThreadedEventLoopGroup.singleton
        let elsewhere = try await DatagramBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let server = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(script, elsewhere) { query in seen.queries.withLock { $0.append(query) } }
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
        private let note: (Query) -> Void

        init(_ script: @escaping Script, _ elsewhere: any Channel, note: @escaping (Query) -> Void) {
            self.script = script
            self.elsewhere = elsewhere
            self.note = note
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            let client = envelope.remoteAddress
            let query = Query(bytes: Array(envelope.data.readableBytesView), port: client.port ?? 0)
            note(query)
            for (bytes, fromElsewhere) in script(query) {
                let response = AddressedEnvelope(remoteAddress: client, data: ByteBuffer(bytes: bytes))
                if fromElsewhere {
                    elsewhere.writeAndFlush(response, promise: nil)
                } else {
                    context.writeAndFlush(wrapOutboundOut(response), promise: nil)
                }
            }
        }
    }
}

/// The response to a query for an A record: this address.
func addressResponse(_ query: [UInt8], _ address: [UInt8], changing: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    guard case .query(let query) = DNSQuery.read(query) else { return [] }
    var builder = DNSResponseBuilder(query, overStream: true)
    builder.answer(DNSRecordData(.a, address))
    var bytes = builder.finished()
    changing(&bytes)
    return bytes
}
