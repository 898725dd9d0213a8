/// One thing that is wrong with an app: where, what, and how to put it right.
public struct AppFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The place in the document, e.g. `services[1].endpoints[0].port`; empty for the document as a whole.
    public var path: String
    /// What is wrong and what is right, e.g. `70000 is not a port (1-65535)`.
    public var message: String
    /// The line in the file, from 1; nil when the app did not come from a file.
    public var line: Int?
    /// The column in that line, from 1, in Unicode scalars; nil when the app did not come from a file.
    public var column: Int?

    /// Makes an error.
    public init(path: String, message: String, line: Int? = nil, column: Int? = nil) {
        self.path = path
        self.message = message
        self.line = line
        self.column = column
    }

    /// `services[1].endpoints[0].port: 70000 is not a port (1-65535)`; of what has no path, e.g. a syntax error,
    /// `line 3, column 5: …`.
    public var description: String {
        if !path.isEmpty { return "\(path): \(message)" }
        if let line, let column { return "line \(line), column \(column): \(message)" }
        return message
    }
}

/// Everything that is wrong with an app, in the order of the document. Never empty.
public struct AppFileErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// The errors in the order of the document.
    public var errors: [AppFileError]

    /// Makes a list.
    public init(_ errors: [AppFileError]) {
        self.errors = errors
    }

    /// One line for each.
    public var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
