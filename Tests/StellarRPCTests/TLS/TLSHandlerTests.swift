import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import StellarRPC

@Suite struct TLSHandlerTests {
    /// Two connected channels, each with a handler and a recorder above it.
    private struct Wire {
        let client = EmbeddedChannel()
        let server = EmbeddedChannel()
        let atClient = PipelineRecorder()
        let atServer = PipelineRecorder()

        init(_ fixture: TLSFixture, client: RPCTLSConfiguration.Client, server: RPCTLSConfiguration.Server) throws {
            let host = "localhost"
            let clientSource = try TLSContextSource(client: client, logger: .silent)
            let serverSource = try TLSContextSource(server: server, logger: .silent)
            try self.client.pipeline.syncOperations.addHandlers([try clientSource.makeHandler(host: host), atClient])
            try self.server.pipeline.syncOperations.addHandlers([try serverSource.makeHandler(), atServer])
        }

        func connect() throws {
            client.connect(to: try SocketAddress(unixDomainSocketPath: "/test"), promise: nil)
            server.connect(to: try SocketAddress(unixDomainSocketPath: "/test"), promise: nil)
        }

        func exchange() throws {
            var moved = true
            while moved {
                moved = false
                while let bytes = try client.readOutbound(as: ByteBuffer.self) {
                    moved = true
                    try server.writeInbound(bytes)
                }
                while let bytes = try server.readOutbound(as: ByteBuffer.self) {
                    moved = true
                    try client.writeInbound(bytes)
                }
            }
            client.embeddedEventLoop.run()
            server.embeddedEventLoop.run()
        }
    }

    @Test func activeOnlyAfterTheHandshake() async throws {
        try await TLSFixture.with { fixture in
            let wire = try Wire(
                fixture,
                client: fixture.mutualClientConfiguration,
                server: fixture.mutualServerConfiguration
            )
            try wire.connect()
            #expect(wire.atClient.seen.isEmpty)
            #expect(wire.atServer.seen.isEmpty)
            let early = wire.client.eventLoop.makePromise(of: Void.self)
            wire.client.writeAndFlush(ByteBuffer(string: "early"), promise: early)
            try wire.exchange()
            #expect(wire.atClient.seen == ["established server", "active"])
            #expect(wire.atServer.seen == ["established node1", "active", "read early"])
            #expect(outcome(early.futureResult) == "done")

            wire.server.close(promise: nil)
            try wire.exchange()
            #expect(wire.atServer.seen.last == "inactive")
            #expect(wire.atClient.seen.suffix(1) == ["inactive"], "close_notify closes")
            #expect(
                outcome(wire.client.writeAndFlush(ByteBuffer(string: "late"))) == "\(ChannelError.ioOnClosedChannel)"
            )
        }
    }

    @Test func writesGoOutWithTheFlush() async throws {
        try await TLSFixture.with { fixture in
            let wire = try Wire(fixture, client: fixture.clientConfiguration, server: fixture.serverConfiguration)
            try wire.connect()
            try wire.exchange()
            let first = wire.client.write(ByteBuffer(string: "a"))
            let second = wire.client.write(ByteBuffer(string: "b"))
            #expect(try wire.client.readOutbound(as: ByteBuffer.self) == nil, "nothing before the flush")
            wire.client.flush()
            try wire.exchange()
            #expect(outcome(first) == "done")
            #expect(outcome(second) == "done")
            #expect(wire.atServer.seen.suffix(2) == ["read a", "read b"])
        }
    }

    @Test func aSilentPeerTimesOut() async throws {
        try await TLSFixture.with { fixture in
            var configuration = fixture.serverConfiguration
            configuration.handshakeTimeout = .seconds(3)
            let wire = try Wire(fixture, client: fixture.clientConfiguration, server: configuration)
            try wire.connect()
            wire.server.embeddedEventLoop.advanceTime(by: .milliseconds(2_999))
            #expect(wire.atServer.seen.isEmpty)
            wire.server.embeddedEventLoop.advanceTime(by: .milliseconds(1))
            #expect(
                wire.atServer.seen == [
                    "error the TLS handshake was not done within 3.0 seconds", "inactive",
                ]
            )
        }
    }

    @Test func anEstablishedConnectionDoesNotTimeOut() async throws {
        try await TLSFixture.with { fixture in
            let wire = try Wire(fixture, client: fixture.clientConfiguration, server: fixture.serverConfiguration)
            try wire.connect()
            try wire.exchange()
            wire.server.embeddedEventLoop.advanceTime(by: .hours(1))
            #expect(wire.server.isActive)
        }
    }

    @Test func aPeerThatClosesDuringTheHandshakeIsAnError() async throws {
        try await TLSFixture.with { fixture in
            let wire = try Wire(fixture, client: fixture.clientConfiguration, server: fixture.serverConfiguration)
            try wire.connect()
            let early = wire.client.writeAndFlush(ByteBuffer(string: "early"))
            wire.client.pipeline.fireChannelInactive()
            #expect(
                wire.atClient.seen == [
                    "error the peer closed the connection during the TLS handshake", "inactive",
                ]
            )
            #expect(outcome(early) == "the peer closed the connection during the TLS handshake")
        }
    }

    @Test func aClientWithoutTLSGetsAnAlertAndIsClosed() async throws {
        try await TLSFixture.with { fixture in
            let wire = try Wire(fixture, client: fixture.clientConfiguration, server: fixture.serverConfiguration)
            try wire.connect()
            try wire.server.writeInbound(ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
            wire.server.embeddedEventLoop.run()
            #expect(wire.atServer.seen == ["error the peer speaks HTTP/2 without TLS", "inactive"])
            let response = try wire.server.readOutbound(as: ByteBuffer.self)
            #expect(response?.readableBytesView.first == 21, "an alert")
            #expect(!wire.server.isActive)
        }
    }
}

/// The outcome of a future of an embedded channel so far.
private func outcome(_ future: EventLoopFuture<Void>) -> String {
    let text = Mutex("pending")
    future.whenComplete { result in
        switch result {
        case .success: text.withLock { $0 = "done" }
        case .failure(let error): text.withLock { $0 = "\(error)" }
        }
    }
    return text.withLock { $0 }
}

/// Records the events that reach the handlers above.
private final class PipelineRecorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private(set) var seen: [String] = []

    func channelActive(context: ChannelHandlerContext) { seen.append("active") }
    func channelInactive(context: ChannelHandlerContext) { seen.append("inactive") }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { seen.append("error \(error)") }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        seen.append("read \(String(buffer: unwrapInboundIn(data)))")
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let session = event as? TLSEstablished else { return }
        seen.append("established \(session.peerCertificate?.commonName ?? "nobody")")
    }
}
