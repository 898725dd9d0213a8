/// How to tell that a replica works.
public struct HealthCheck: Sendable, Hashable, Codable {
    /// What is asked.
    public enum Probe: Sendable, Hashable, Codable {
        /// Runs in the container; exit status 0 is healthy.
        case exec(command: [String])
        /// Connects to the port; an accepted connection is healthy.
        case tcp(port: UInt16)
        /// Gets the path; a status from 200 to 399 is healthy.
        case http(port: UInt16, path: String)
    }

    /// What is asked.
    public var probe: Probe
    /// The time from one probe to the next.
    public var interval: Duration
    /// The time an answer may take.
    public var timeout: Duration
    /// The time after the start in which failures do not count.
    public var startPeriod: Duration
    /// Failures in a row that make a replica unhealthy.
    public var retries: Int

    /// The values Docker's users know, but for the timeout, which at 30 s hides what hangs.
    public static let defaultInterval = Duration.seconds(30)
    /// The time an answer may take, unless said.
    public static let defaultTimeout = Duration.seconds(5)
    /// Failures in a row, unless said.
    public static let defaultRetries = 3

    /// Makes a check.
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
