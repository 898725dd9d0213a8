/// What is wrong with the configuration: every problem, each naming its member or flag and the fix.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One line each.
    public var problems: [String]

    /// An error of these problems.
    public init(_ problems: [String]) {
        self.problems = problems
    }

    /// One problem per line.
    public var description: String { problems.joined(separator: "\n") }
}
