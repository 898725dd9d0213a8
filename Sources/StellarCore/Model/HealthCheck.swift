/// A check of whether a replica works.
///
/// This release checks and stores it, and does not run it.
public struct HealthCheck: Sendable, Hashable {
    /// What a check does.
    public enum Probe: Sendable, Hashable {
        /// Runs a command in the container; exit status 0 is healthy.
        case exec(command: [String])
        /// Connects to a port; an accepted connection is healthy.
        case tcp(port: UInt16)
        /// Requests a path with GET; a status from 200 to 399 is healthy.
        case http(port: UInt16, path: String)
    }

    /// What the check does.
    public var probe: Probe
    /// The time from one probe to the next, 100 ms to 24 h.
    public var interval: Duration
    /// The time limit of one probe, 100 ms to 24 h.
    public var timeout: Duration
    /// The time after the start in which failures do not count, up to 24 h.
    public var startPeriod: Duration
    /// Failures in a row that make a replica unhealthy, 1 to 1000.
    public var retries: Int

    /// The default of ``interval``, as in Docker.
    public static let defaultInterval = Duration.seconds(30)
    /// The default of ``timeout``: Docker's 30 s would hide a probe that hangs.
    public static let defaultTimeout = Duration.seconds(5)
    /// The default of ``retries``, as in Docker.
    public static let defaultRetries = 3

    /// Creates a check.
    public init(
        probe: Probe,
        interval: Duration = HealthCheck.defaultInterval,
        timeout: Duration = HealthCheck.defaultTimeout,
        startPeriod: Duration = .zero,
        retries: Int = HealthCheck.defaultRetries
    ) {
        self.probe = probe
        self.interval = interval
        self.timeout = timeout
        self.startPeriod = startPeriod
        self.retries = retries
    }
}
