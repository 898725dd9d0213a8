public import StellarRPC

/// What went wrong with an image: for which image, and what to do about it.
public struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure, each with its own gRPC code.
    public enum Kind: Sendable, Hashable {
        /// The reference or a configuration file cannot be read.
        case invalid
        /// The registry has no such image, tag or layer; or none for this platform.
        case notFound
        /// The registry wants credentials, or others.
        case unauthorized
        /// The registry or the network does not answer; trying again may help.
        case unavailable
        /// What arrived is not what its digest says.
        case corrupt
        /// The image is of a kind that this node does not run.
        case unsupported
        /// The image breaks a limit.
        case tooLarge
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }

    /// The gRPC code under which the failure reaches a client.
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
