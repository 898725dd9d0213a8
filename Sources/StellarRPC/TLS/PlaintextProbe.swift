import NIOCore

/// Detects a server that speaks TLS, by the alert with which it responds. First handler of a client's pipeline without TLS.
///
/// It checks the first bytes and then removes itself.
final class PlaintextProbe: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// An alert's type and the first byte of its version (RFC 8446, section 5.1). In HTTP/2 it would begin a frame of more than
    /// a megabyte, where the first one is SETTINGS.
    private static let alert: [UInt8] = [21, 3]

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard unwrapInboundIn(data).readableBytesView.starts(with: Self.alert) else {
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            return
        }
        context.fireErrorCaught(RPCTLSError(.tlsRequired, "the server speaks TLS"))
        context.close(promise: nil)
    }
}
