/// How what HTTP says becomes a gRPC status.
package enum StatusMapping {
    /// For an answer that is not gRPC's ("HTTP to gRPC Status Code Mapping").
    package static func code(httpStatus: Int) -> RPCCode {
        switch httpStatus {
        case 400: .internalError
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }

    /// For a stream that the peer reset ("Errors" in gRPC's PROTOCOL-HTTP2).
    package static func code(reset: HTTP2ErrorCode) -> RPCCode {
        switch reset {
        case .refusedStream: .unavailable
        case .cancel: .cancelled
        case .enhanceYourCalm: .resourceExhausted
        case .inadequateSecurity: .permissionDenied
        default: .internalError
        }
    }
}
