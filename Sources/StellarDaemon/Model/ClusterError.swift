/// Why something about the nodes of the cluster cannot be done.
struct ClusterError: DomainError {
    var code: ErrorCode
    var message: String
}
