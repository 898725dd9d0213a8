/// Why the daemon cannot start: names the thing and the fix.
public struct StartError: Error, Sendable, CustomStringConvertible {
    /// In one line.
    public var description: String
    /// What the program ends with.
    public var status: ExitStatus

    init(_ description: String, status: ExitStatus = .failure) {
        self.description = description
        self.status = status
    }
}

/// The exit statuses of `stellar`: those of sysexits.h, by which a service manager knows what a restart cannot fix.
public struct ExitStatus: Sendable, Hashable {
    /// The number.
    public var rawValue: Int32

    /// It failed, and may do better the next time.
    public static let failure = ExitStatus(rawValue: 1)
    /// EX_NOPERM: it has not the right to do its work.
    public static let notPermitted = ExitStatus(rawValue: 77)
    /// EX_CONFIG: the configuration is wrong.
    public static let badConfiguration = ExitStatus(rawValue: 78)

    /// The status that an error ends the program with.
    public init(of error: any Error) {
        switch error {
        case let error as StartError: self = error.status
        case is ConfigurationError: self = .badConfiguration
        default: self = .failure
        }
    }

    private init(rawValue: Int32) {
        self.rawValue = rawValue
    }
}
