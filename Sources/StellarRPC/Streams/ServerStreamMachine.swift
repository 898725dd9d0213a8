package import NIOCore

/// One call as the server's side of gRPC sees it: what came is judged, what may go out is decided. Pure.
package struct ServerStreamMachine {
    /// What the driver does, in order.
    package enum Effect: Hashable {
        /// The request is good: find its handler.
        case accept(RequestHead)
        case message(ByteBuffer)
        /// The client has sent all it will.
        case requestEnd
        /// Answer with headers.
        case sendHeaders([HTTP2Header])
        case sendMessage(ByteBuffer)
        /// Answer with these alone, ending the stream.
        case sendTrailersOnly([HTTP2Header])
        /// End the stream behind what was sent.
        case sendTrailers([HTTP2Header])
        /// The call is over before its handler is: cancel that.
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

    /// Whether the call is settled: nothing that still comes matters.
    package var isEnded: Bool { response == .ended }

    /// Whether the client said that it has sent all.
    package var isRequestComplete: Bool { requestEnded }

    /// Bytes of an incomplete request message.
    package var bufferedBytes: Int { deframer.bufferedBytes }

    package mutating func receive(headers fields: [HTTP2Header], endStream: Bool) -> [Effect] {
        guard !isEnded, !requestEnded else { return [] }
        guard !hasRequest else {
            // Trailers of a request mean nothing to gRPC; only that they end it.
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

    /// The stream is gone: reset by the client, or its connection lost.
    package mutating func receive(end error: RPCError) -> [Effect] {
        guard !isEnded else { return [] }
        end()
        return [.cancel(error)]
    }

    /// Ends the call with a status that the handler has not chosen: a deadline, a limit, a fault of the client.
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

    /// The handler is done.
    package mutating func finish(_ error: RPCError?, trailers: RPCMetadata) -> [Effect] {
        guard !isEnded else { return [] }
        let hadHeaders = response == .open
        end()
        var fields = hadHeaders ? [] : Self.responseFields
        // A handler that fails with OK has a fault of its own.
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

    /// Peers limit a header list to 8 KiB or more; percent-encoding may triple a text.
    package static let maxStatusMessage = 2048

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > maxStatusMessage else { return text }
        return String(decoding: text.utf8.prefix(maxStatusMessage), as: UTF8.self) + "…"
    }
}
