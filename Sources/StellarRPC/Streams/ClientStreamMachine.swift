package import NIOCore

/// The client's side of one gRPC call: turns headers and data into metadata, messages and a status. Pure.
package struct ClientStreamMachine {
    package enum Effect: Hashable {
        case initialMetadata(RPCMetadata)
        case message(ByteBuffer)
        /// The call has ended; nil is OK. `reset` is the code of a RST_STREAM to send, where the peer has not ended the stream.
        case end(RPCError?, trailers: RPCMetadata, reset: HTTP2ErrorCode?)
    }

    private enum State {
        case waiting, open, ended
    }

    private var deframer: MessageDeframer
    private var state = State.waiting
    private let expectsSingleResponse: Bool
    private var responses = 0

    package init(maxMessageSize: Int, expectsSingleResponse: Bool) {
        deframer = MessageDeframer(maxMessageSize: maxMessageSize)
        self.expectsSingleResponse = expectsSingleResponse
    }

    package var isEnded: Bool { state == .ended }

    /// Whether a response began; the call must not be retried then.
    package var hasResponse: Bool { state != .waiting }

    package mutating func receive(headers fields: [HTTP2Header], endStream: Bool) -> [Effect] {
        switch state {
        case .waiting: receiveFirst(fields, endStream)
        case .open:
            endStream
                ? receiveTrailers(fields)
                : fail(RPCError(.internalError, "the server sent a second header block within the response"))
        case .ended: []
        }
    }

    private mutating func receiveFirst(_ fields: [HTTP2Header], _ endStream: Bool) -> [Effect] {
        let status = fields.first { $0.name == ":status" }.flatMap { Int($0.value) }
        guard let status else { return fail(RPCError(.internalError, "the server's response has no :status")) }
        if (100..<200).contains(status) { return [] }
        let contentType = fields.first { $0.name == "content-type" }?.value
        let hasGRPCStatus = endStream && fields.contains { $0.name == "grpc-status" }
        guard status == 200 || hasGRPCStatus else {
            return fail(
                RPCError(StatusMapping.code(httpStatus: status), "the server responded with HTTP status \(status)")
            )
        }
        guard hasGRPCStatus || contentType.map(RequestHead.isGRPC(contentType:)) == true else {
            let type = contentType.map { "content-type \($0.prefix(60))" } ?? "no content-type"
            return fail(RPCError(.unknown, "the server does not speak gRPC: its response has \(type)"))
        }
        if endStream { return receiveTrailers(fields) }
        if let encoding = fields.first(where: { $0.name == "grpc-encoding" })?.value, encoding != "identity" {
            return fail(
                RPCError(
                    .unimplemented,
                    "the server compresses with \(encoding.prefix(20)), which this client did not offer"
                )
            )
        }
        do throws(RPCError) {
            let metadata = try Self.metadata(fields)
            state = .open
            return [.initialMetadata(metadata)]
        } catch {
            return fail(error)
        }
    }

    private mutating func receiveTrailers(_ fields: [HTTP2Header]) -> [Effect] {
        do throws(RPCError) {
            let trailers = try Self.metadata(fields)
            guard let text = fields.first(where: { $0.name == "grpc-status" })?.value else {
                return fail(RPCError(.unknown, "the server's trailers have no grpc-status"))
            }
            guard let number = Int(text), number >= 0 else {
                return fail(RPCError(.unknown, "the server's grpc-status is not a number: \(text.prefix(20))"))
            }
            let code = RPCCode(rawValue: number)
            guard code == .ok else {
                let message = fields.first { $0.name == "grpc-message" }.map { PercentEncoding.decode($0.value) }
                state = .ended
                return [.end(RPCError(code, message ?? "", metadata: trailers), trailers: trailers, reset: nil)]
            }
            guard deframer.isAtBoundary else {
                return fail(RPCError(.internalError, "the response ended within a message"), reset: nil)
            }
            state = .ended
            return [.end(nil, trailers: trailers, reset: nil)]
        } catch {
            return fail(error)
        }
    }

    package mutating func receive(data: ByteBuffer) -> [Effect] {
        guard state == .open else {
            return state == .ended ? [] : fail(RPCError(.internalError, "the server sent data before headers"))
        }
        var effects: [Effect] = []
        var count = responses
        do throws(RPCError) {
            try deframer.append(data) {
                count += 1
                effects.append(.message($0))
            }
        } catch {
            return effects + fail(error)
        }
        responses = count
        if expectsSingleResponse, count > 1 {
            return fail(RPCError(.internalError, "the server sent more than one response to a unary call"))
        }
        return effects
    }

    /// END_STREAM came with DATA, without trailers.
    package mutating func receiveEnd() -> [Effect] {
        fail(RPCError(.internalError, "the server ended the stream without a status"), reset: nil)
    }

    package mutating func receive(reset code: HTTP2ErrorCode) -> [Effect] {
        fail(RPCError(StatusMapping.code(reset: code), "the server reset the stream: \(code)"), reset: nil)
    }

    /// Ends the call from this side, or because the connection is lost.
    package mutating func fail(_ error: RPCError, reset: HTTP2ErrorCode? = .cancel) -> [Effect] {
        guard state != .ended else { return [] }
        state = .ended
        return [.end(error, trailers: error.metadata, reset: reset)]
    }

    private static func metadata(_ fields: [HTTP2Header]) throws(RPCError) -> RPCMetadata {
        var metadata = RPCMetadata()
        for field in fields { try metadata.take(field) }
        return metadata
    }
}
