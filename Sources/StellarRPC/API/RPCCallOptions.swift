/// The options of one call: metadata, deadline, whether it waits for a connection.
public struct RPCCallOptions: Sendable {
    /// Sent with the request's headers.
    public var metadata: RPCMetadata
    /// The time from the start of the call until it fails with `deadlineExceeded`, on both sides.
    public var timeout: Duration?
    /// Whether the call waits for a connection instead of failing with `unavailable` while the peer is unreachable.
    public var waitForReady: Bool

    public init(metadata: RPCMetadata = [:], timeout: Duration? = nil, waitForReady: Bool = false) {
        self.metadata = metadata
        self.timeout = timeout
        self.waitForReady = waitForReady
    }
}
