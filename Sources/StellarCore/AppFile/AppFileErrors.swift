/// One error of an app: where it is, what is wrong, and the fix.
public struct AppFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The place in the document, e.g. `services[1].endpoints[0].port`; empty for the document as a whole.
    public var path: String
    /// What is wrong, and the fix: `70000 is not a port (1-65535)`.
    public var message: String
    /// The line in the file, from 1; nil if the app does not come from a file.
    public var line: Int?
    /// The column in that line, from 1, in Unicode scalars; nil if the app does not come from a file.
    public var column: Int?

    /// Creates an error.
    package init(path: String, message: String, line: Int? = nil, column: Int? = nil) {
        self.path = path
        self.message = message
        self.line = line
        self.column = column
    }

    /// The path and the message: `services[1].endpoints[0].port: 70000 is not a port (1-65535)`. An error without path,
    /// such as a syntax error, begins with `line 3, column 5: `.
    public var description: String {
        if !path.isEmpty { return "\(path): \(message)" }
        if let line, let column { return "line \(line), column \(column): \(message)" }
        return message
    }
}

/// All errors of an app. Never empty.
public struct AppFileErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// The errors in the order of the document.
    public var errors: [AppFileError]

    /// Creates a list.
    package init(_ errors: [AppFileError]) {
        self.errors = errors
    }

    /// The errors, one on each line.
    public var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
