import StellarCore
import StellarNet
import StellarRPC
import StellarStorage
import StellarStore

extension Cause {
    /// The cause that an error of any part is.
    init(of error: any Error) {
        switch error {
        case let error as any DaemonError: self.init(error.code, error.message)
        // Of containerd, a registry or another node.
        case let error as RPCError: self.init(ErrorCode(rawValue: error.code.rawValue) ?? .unknown, error.message)
        case let error as NetworkError: self.init(Self.code(error.code), error.message)
        case let error as AppFileErrors: self.init(.invalidArgument, error.description)
        case let error as PlacementErrors: self.init(.failedPrecondition, error.description)
        case let error as ConfigurationError: self.init(.invalidArgument, error.description)
        case let error as StorageError:
            self.init(error.code == .full ? .resourceExhausted : .internalError, "storage: \(error.message)")
        case let error as StoreError: self.init(Self.code(error), error.description)
        case let error as StorePeerError: self.init(Self.code(error.code), error.message)
        case let error as StoreBackupError: self.init(.invalidArgument, "data: \(error)")
        case is CancellationError: self.init(.cancelled, "cancelled")
        default: self.init(.unknown, "\(error)")
        }
    }

    private static func code(_ error: StoreError) -> ErrorCode {
        switch error {
        case .full: .resourceExhausted
        case .stopping: .unavailable
        case .bucket, .key, .value, .clock: .invalidArgument
        }
    }

    private static func code(_ code: StorePeerError.Code) -> ErrorCode {
        switch code {
        case .notFound: .notFound
        case .unavailable: .unavailable
        case .timedOut: .deadlineExceeded
        }
    }

    private static func code(_ code: NetworkError.Code) -> ErrorCode {
        switch code {
        case .invalidArgument: .invalidArgument
        case .notFound: .notFound
        case .alreadyExists: .alreadyExists
        case .permissionDenied: .permissionDenied
        case .failedPrecondition: .failedPrecondition
        case .resourceExhausted: .resourceExhausted
        case .deadlineExceeded: .deadlineExceeded
        case .unavailable: .unavailable
        default: .internalError
        }
    }
}
