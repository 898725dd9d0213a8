import StellarRPC

/// The exit codes of sctl. 1 and 3 are the original's; the others let scripts decide what to retry.
enum SctlExit: Int32, CaseIterable {
    case ok = 0
    case failure = 1
    case badAppFile = 2
    case unknownCommand = 3
    case notFound = 4
    case unavailable = 5
    case timedOut = 6
    case conflict = 7
    case denied = 8
    case notRunning = 9
    case interrupted = 130

    /// For a call that failed.
    init(_ code: RPCCode) {
        self =
            switch code {
            case .notFound: .notFound
            case .unavailable: .unavailable
            case .deadlineExceeded: .timedOut
            case .alreadyExists, .failedPrecondition, .aborted: .conflict
            case .permissionDenied, .unauthenticated: .denied
            default: .failure
            }
    }

    var meaning: String {
        switch self {
        case .ok: "done"
        case .failure: "other failure, or wrong usage"
        case .badAppFile: "the app file is not valid"
        case .unknownCommand: "unknown command"
        case .notFound: "the named object does not exist"
        case .unavailable: "the daemon, or a node or service it needs, cannot be reached"
        case .timedOut: "the deadline expired"
        case .conflict: "the object exists already, or its state does not allow the operation"
        case .denied: "not allowed"
        case .notRunning: "the app was created but not all of it runs"
        case .interrupted: "stopped by Ctrl-C"
        }
    }

    /// For `sctl --help`.
    static var table: String {
        "EXIT CODES:\n"
            + allCases.map { status in
                let code = String(status.rawValue)
                return "  \(code)\(String(repeating: " ", count: 5 - code.count))\(status.meaning)"
            }.joined(separator: "\n")
    }
}
