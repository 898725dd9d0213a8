/// What one call asks for beside its request.
public struct RPCCallOptions: Sendable {
    /// Sent with the request's headers.
    public var metadata: RPCMetadata
    /// From the moment the call is made; past it the call fails with `deadlineExceeded` on both sides.
    public var timeout: Duration?
    /// Waits for a connection instead of failing with `unavailable` while the peer cannot be reached.
    public var waitForReady: Bool

    public init(metadata: RPCMetadata = [:], timeout: Duration? = nil, waitForReady: Bool = false) {
        self.metadata = metadata
        self.timeout = timeout
        self.waitForReady = waitForReady
    }
}
