/// The headers of a gRPC request ("Request-Headers" in gRPC's PROTOCOL-HTTP2).
package struct RequestHead: Sendable, Hashable {
    package var path: String
    package var metadata: RPCMetadata = [:]
    package var timeout: Duration?

    package init(path: String) {
        self.path = path
    }

    /// The response to an invalid request.
    package enum Refusal: Error, Hashable {
        /// The request is not gRPC: an HTTP status alone.
        case http(Int)
        case status(RPCError)
    }

    /// Parses and checks a request's header list.
    package init(fields: [HTTP2Header]) throws(Refusal) {
        self.init(path: "")
        var isPost = false
        var isGRPC = false
        var hasContentType = false
        var encoding: String?
        for field in fields {
            switch field.name {
            case ":method": isPost = field.value == "POST"
            case ":path": path = field.value
            case "content-type":
                hasContentType = true
                isGRPC = Self.isGRPC(contentType: field.value)
            case "grpc-timeout":
                guard let timeout = GRPCTimeout.parse(field.value) else {
                    throw .status(RPCError(.internalError, "grpc-timeout is not a timeout: \(field.value.prefix(20))"))
                }
                self.timeout = timeout
            case "grpc-encoding": encoding = field.value
            default:
                do throws(RPCError) {
                    try metadata.take(field)
                } catch {
                    throw .status(error)
                }
            }
        }
        guard isPost else { throw .http(405) }
        guard hasContentType, isGRPC else { throw .http(415) }
        if let encoding, encoding != "identity" {
            var metadata = RPCMetadata()
            metadata.add("grpc-accept-encoding", "identity")
            throw .status(
                RPCError(.unimplemented, "grpc-encoding \(encoding.prefix(20)) is not supported: send identity")
            )
        }
    }

    /// Whether a content type is `application/grpc`, with or without `+` and a format or `;` and a parameter.
    package static func isGRPC(contentType: String) -> Bool {
        let name = "application/grpc"
        guard contentType.hasPrefix(name) else { return false }
        guard contentType.utf8.count > name.utf8.count else { return true }
        let next = contentType.utf8[contentType.utf8.index(contentType.utf8.startIndex, offsetBy: name.utf8.count)]
        return next == UInt8(ascii: "+") || next == UInt8(ascii: ";")
    }

    /// The header list that a client sends.
    package static func fields(
        path: String,
        scheme: String,
        authority: String,
        userAgent: String,
        timeout: Duration?,
        metadata: RPCMetadata
    ) -> [HTTP2Header] {
        var fields: [HTTP2Header] = []
        fields.reserveCapacity(9 + metadata.entries.count)
        fields.append(HTTP2Header(":method", "POST"))
        fields.append(HTTP2Header(":scheme", scheme))
        fields.append(HTTP2Header(":path", path))
        fields.append(HTTP2Header(":authority", authority))
        fields.append(HTTP2Header("content-type", "application/grpc"))
        fields.append(HTTP2Header("te", "trailers"))
        fields.append(HTTP2Header("user-agent", userAgent))
        if let timeout { fields.append(HTTP2Header("grpc-timeout", GRPCTimeout.format(timeout))) }
        metadata.append(to: &fields)
        return fields
    }
}
