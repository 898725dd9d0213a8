import StellarCore
import StellarRPC

extension SlotFailure {
    /// The failure that an error of a step is.
    init(_ id: ContainerID, _ error: any Error) {
        if let failure = error as? SlotFailure {
            self = failure
        } else {
            let status = error as? RPCError ?? RPCError(of: error)
            self.init(id: id, code: status.code, reason: status.message)
        }
    }
}
