package import NIOCore

/// The server's side of one gRPC call: checks the request and orders the response. Pure.
package struct ServerStreamMachine {
    /// What the driver does, in order.
    package enum Effect: Hashable {
        /// The request's headers are valid: find the handler.
        case accept(RequestHead)
        case message(ByteBuffer)
        /// The client has sent its last message.
        case requestEnd
        /// Send response headers.
        case sendHeaders([HTTP2Header])
        case sendMessage(ByteBuffer)
        /// Send one header block that ends the stream.
        case sendTrailersOnly([HTTP2Header])
        /// End the stream with trailers.
        case sendTrailers([HTTP2Header])
        /// The call has ended: cancel its handler.
        case cancel(RPCError)
    }

    private enum Response {
        case none, open, ended
    }

    private var deframer: MessageDeframer
    private var hasRequest = false
    private var requestEnded = false
    private var response = Response.none

    package init(maxMessageSize: Int) {
        deframer = MessageDeframer(maxMessageSize: maxMessageSize)
    }

    /// Whether the response is complete. Later events have no effect.
    package var isEnded: Bool { response == .ended }

    /// Whether the client has ended the request.
    package var isRequestComplete: Bool { requestEnded }

    /// Bytes of an incomplete request message.
    package var bufferedBytes: Int { deframer.bufferedBytes }

    package mutating func receive(headers fields: [HTTP2Header], endStream: Bool) -> [Effect] {
        guard !isEnded, !requestEnded else { return [] }
        guard !hasRequest else {
            // gRPC gives request trailers no meaning; they only end the request.
            return endStream ? receiveEnd() : []
        }
        hasRequest = true
        do throws(RequestHead.Refusal) {
            let head = try RequestHead(fields: fields)
            return [.accept(head)] + (endStream ? receiveEnd() : [])
        } catch {
            switch error {
            case .http(let status):
                end()
                return [.sendTrailersOnly([HTTP2Header(":status", String(status))])]
            case .status(let error):
                return fail(error)
            }
        }
    }

    package mutating func receive(data: ByteBuffer) -> [Effect] {
        guard hasRequest, !isEnded, !requestEnded else { return [] }
        var effects: [Effect] = []
        do throws(RPCError) {
            try deframer.append(data) { effects.append(.message($0)) }
        } catch {
            effects += fail(error)
        }
        return effects
    }

    package mutating func receiveEnd() -> [Effect] {
        guard hasRequest, !isEnded, !requestEnded else { return [] }
        requestEnded = true
        guard deframer.isAtBoundary else {
            return fail(RPCError(.internalError, "the request ended within a message"))
        }
        return [.requestEnd]
    }

    /// The client reset the stream, or its connection was lost.
    package mutating func receive(end error: RPCError) -> [Effect] {
        guard !isEnded else { return [] }
        end()
        return [.cancel(error)]
    }

    /// Ends the call with a status that is not the handler's: a deadline, a limit, an error of the client.
    package mutating func fail(_ error: RPCError) -> [Effect] {
        guard !isEnded else { return [] }
        return finish(error, trailers: error.metadata) + [.cancel(error)]
    }

    /// The handler sends headers; only the first call has an effect.
    package mutating func sendHeaders(_ metadata: RPCMetadata) -> [Effect] {
        guard response == .none else { return [] }
        response = .open
        var fields = Self.responseFields
        metadata.append(to: &fields)
        return [.sendHeaders(fields)]
    }

    package mutating func send(_ message: ByteBuffer) -> [Effect] {
        switch response {
        case .none: sendHeaders([:]) + [.sendMessage(message)]
        case .open: [.sendMessage(message)]
        case .ended: []
        }
    }

    /// The handler has ended the call.
    package mutating func finish(_ error: RPCError?, trailers: RPCMetadata) -> [Effect] {
        guard !isEnded else { return [] }
        let hadHeaders = response == .open
        end()
        var fields = hadHeaders ? [] : Self.responseFields
        // A handler that throws OK is wrong; the status is UNKNOWN.
        let code = error.map { $0.code == .ok ? .unknown : $0.code } ?? .ok
        fields.append(HTTP2Header("grpc-status", String(code.rawValue)))
        if let error, !error.message.isEmpty {
            fields.append(HTTP2Header("grpc-message", PercentEncoding.encode(Self.bounded(error.message))))
        }
        trailers.append(to: &fields)
        return [hadHeaders ? .sendTrailers(fields) : .sendTrailersOnly(fields)]
    }

    private mutating func end() {
        response = .ended
        deframer.discard()
    }

    private static var responseFields: [HTTP2Header] {
        [HTTP2Header(":status", "200"), HTTP2Header("content-type", "application/grpc")]
    }

    /// Bytes of a status message. Peers accept header lists of at least 8 KiB, and percent-encoding may triple a text.
    package static let maxStatusMessage = 2048

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > maxStatusMessage else { return text }
        return String(decoding: text.utf8.prefix(maxStatusMessage), as: UTF8.self) + "…"
    }
}
