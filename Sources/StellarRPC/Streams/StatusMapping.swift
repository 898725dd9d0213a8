/// The gRPC status of an HTTP status or reset.
package enum StatusMapping {
    /// The status of a response that is not gRPC ("HTTP to gRPC Status Code Mapping").
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

    /// The status of a stream that the peer reset ("Errors" in gRPC's PROTOCOL-HTTP2).
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
