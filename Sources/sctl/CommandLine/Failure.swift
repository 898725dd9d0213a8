import StellarRPC

/// Why a command did not do its work: what stderr says, and the exit code.
struct Failure: Error, Equatable {
    /// One message per line of stderr, each complete in itself.
    let messages: [String]
    let status: SctlExit

    init(_ message: String, status: SctlExit = .failure) {
        self.messages = [message]
        self.status = status
    }

    init(_ messages: [String], status: SctlExit) {
        self.messages = messages
        self.status = status
    }

    /// What the daemon answered, in the original's words.
    init(_ error: RPCError, status: SctlExit? = nil) {
        self.init(
            "rpc error: code = \(error.code.goName) desc = \(error.message.singleLine)",
            status: status ?? SctlExit(error.code)
        )
    }

    /// For any error that a verb let out.
    init(_ error: any Error, endpoint: DaemonEndpoint?) {
        switch error {
        case let failure as Failure: self = failure
        case let error as RPCError where error.tls != nil: self = .insecure(error, endpoint)
        case let error as RPCError where error.isAboutTheConnection(to: endpoint): self = .unreachable(error.message)
        case let error as RPCError: self.init(error)
        default: self.init("\(error)".singleLine)
        }
    }

    /// No connection; the reason names the address.
    private static func unreachable(_ reason: String) -> Failure {
        Failure(
            "\(reason.singleLine) (is the daemon up? start it with \"stellar server\", or name another with --addr or "
                + "STELLAR_ADDR)",
            status: .unavailable
        )
    }
}

extension Failure {
    /// No secure connection; the reason names the address or the file, and what would help is said here, as it is options.
    fileprivate static func insecure(_ error: RPCError, _ endpoint: DaemonEndpoint?) -> Failure {
        let fix: String? =
            switch error.tls?.code {
            case .untrusted?: "name the daemon's authority with --ca FILE, or with --cert FILE alone"
            case .wrongName?: "give --addr a name that the certificate has, or the daemon a certificate for this one"
            case .expired?: "renew the daemon's certificate, which it reads without a restart; or set the clock right"
            case .certificateRequired?: "give one with --cert FILE --key FILE"
            case .refused? where endpoint?.tls?.identity != nil:
                "the daemon serves certificates of its --tls-client-ca alone; give another one with --cert and --key"
            case .notTLS?: "the daemon has no --tls-cert: leave out --cert, --key, --ca and --skip-verify"
            case .tlsRequired?: "give the daemon's authority with --ca FILE, or use its unix socket on its own machine"
            default: nil
            }
        let status: SctlExit =
            switch error.tls?.code {
            case .configuration?: .failure
            case .certificateRequired?, .refused?: .denied
            default: .unavailable
            }
        return Failure(error.message.singleLine + (fix.map { " (\($0))" } ?? ""), status: status)
    }
}

extension RPCError {
    /// Whether our own side says that the daemon cannot be reached: it names the address. What a daemon itself reports as
    /// unavailable is a node or a service behind it.
    fileprivate func isAboutTheConnection(to endpoint: DaemonEndpoint?) -> Bool {
        guard let endpoint else { return false }
        return code == .unavailable && message.contains("\(endpoint)")
    }
}

extension RPCCode {
    /// The name that Go's gRPC prints, which users of the original know.
    var goName: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internalError: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        default: "Code(\(rawValue))"
        }
    }
}
