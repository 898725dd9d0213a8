import StellarRPC

extension RPCError {
    /// The status of a call that failed with an error of any part of the daemon.
    init(of error: any Error) {
        if let error = error as? RPCError {
            self = error
        } else {
            let cause = Cause(of: error)
            self.init(RPCCode(rawValue: cause.code.rawValue), cause.message)
        }
    }
}
