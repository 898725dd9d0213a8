/// What happens when the process of a container exits by itself. ``RestartTracker`` carries it out.
public struct RestartPolicy: Sendable, Hashable, Codable {
    /// Which exits are followed by a restart. Raw values are what files say.
    public enum Condition: String, Sendable, Hashable, Codable, CaseIterable {
        /// Every exit.
        case always
        /// An exit with a status other than 0, or by a signal.
        case onFailure = "on-failure"
        /// None.
        case never
    }

    /// Which exits are followed by a restart.
    public var condition: Condition
    /// Restarts in a row, without a stable run between them, before giving up; nil is without end.
    public var maxRetries: Int?
    /// The wait before the first restart; it doubles with each further one.
    public var delay: Duration
    /// The longest wait.
    public var maxDelay: Duration

    /// Short enough that a single crash is hardly noticed.
    public static let defaultDelay = Duration.seconds(1)
    /// Long enough that a container that cannot start costs nothing, short enough to wait for after a repair.
    public static let defaultMaxDelay = Duration.seconds(60)

    /// Makes a policy.
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

    /// Restart after every exit: what a service gets that says nothing, or `"restart": true`.
    public static let always = RestartPolicy()
    /// Restart after a failure.
    public static let onFailure = RestartPolicy(condition: .onFailure)
    /// Leave it: `"restart": false`.
    public static let never = RestartPolicy(condition: .never)
}
