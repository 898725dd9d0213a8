/// Why a node has no subnet for containers, or not the requested one.
struct SubnetError: DomainError {
    var code: ErrorCode
    var message: String
}
