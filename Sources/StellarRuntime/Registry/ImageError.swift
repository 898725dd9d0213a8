public import StellarRPC

/// A failure with an image; its message names the image and the fix.
public struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure, each with its own gRPC code.
    public enum Kind: Sendable, Hashable {
        /// The reference or a configuration file is invalid.
        case invalid
        /// The registry does not have the image, tag or layer, or none for this platform.
        case notFound
        /// The registry requires credentials, or other ones.
        case unauthorized
        /// The registry or the network does not respond; a retry may help.
        case unavailable
        /// The content does not match its digest.
        case corrupt
        /// The image has a kind that this node does not run.
        case unsupported
        /// The image exceeds a limit.
        case tooLarge
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }

    /// The gRPC code that a client receives.
    public var code: RPCCode {
        switch kind {
        case .invalid: .invalidArgument
        case .notFound: .notFound
        case .unauthorized: .unauthenticated
        case .unavailable: .unavailable
        case .corrupt: .dataLoss
        case .unsupported: .failedPrecondition
        case .tooLarge: .resourceExhausted
        }
    }

    package static func == (error: ImageError, kind: Kind) -> Bool { error.kind == kind }
}
