import StellarCore

extension SlotFailure {
    /// The failure that an error of a step is.
    init(_ id: ContainerID, _ error: any Error) {
        if let failure = error as? SlotFailure {
            self = failure
        } else {
            let cause = Cause(of: error)
            self.init(id: id, code: cause.code, reason: cause.message)
        }
    }
}
