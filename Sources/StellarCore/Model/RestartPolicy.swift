/// What happens when the process of a container exits. ``RestartTracker`` applies it.
public struct RestartPolicy: Sendable, Hashable {
    /// Which exits cause a restart. Raw values are the words of app files.
    public enum Condition: String, Sendable, Hashable, CaseIterable {
        /// Every exit.
        case always
        /// An exit with a status other than 0, or by a signal.
        case onFailure = "on-failure"
        /// No exit.
        case never
    }

    /// Which exits cause a restart.
    public var condition: Condition
    /// The most restarts in a row without a stable run between them; nil is no limit.
    public var maxRetries: Int?
    /// The wait before the first restart, 100 ms to 24 h. It doubles with each further restart.
    public var delay: Duration
    /// The longest wait, 100 ms to 24 h.
    public var maxDelay: Duration

    /// The default of ``delay``: a single crash is hardly noticed.
    public static let defaultDelay = Duration.seconds(1)
    /// The default of ``maxDelay``: a container that cannot start costs little, and a repair takes effect soon.
    public static let defaultMaxDelay = Duration.seconds(60)

    /// Creates a policy.
    public init(
        condition: Condition = .always,
        maxRetries: Int? = nil,
        delay: Duration = RestartPolicy.defaultDelay,
        maxDelay: Duration = RestartPolicy.defaultMaxDelay
    ) {
        self.condition = condition
        self.maxRetries = maxRetries
        self.delay = delay
        self.maxDelay = maxDelay
    }

    /// A restart after every exit: the default, and `"restart": true` in an app file.
    public static let always = RestartPolicy()
    /// A restart after a failure: `"restart": "on-failure"`.
    public static let onFailure = RestartPolicy(condition: .onFailure)
    /// No restart: `"restart": false`.
    public static let never = RestartPolicy(condition: .never)
}
