import Glibc
public import Logging

/// The daemon's log: one line per message on standard error.
///
///     2026-11-22T16:40:07+01:00 info stellar.reconcile process ended slot=demo.web.0 reason="it ended with status 1"
public struct StandardErrorLog: LogHandler {
    /// Messages below this are dropped.
    public var logLevel: Logger.Level
    /// Written with every message.
    public var metadata: Logger.Metadata = [:]
    private let label: String

    /// A handler for the logger of this label.
    public init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    /// Says why the program ends, one line per problem.
    public static func fatal(_ message: String) {
        for line in message.split(separator: "\n") {
            let bytes = Array("stellar: \(line)\n".utf8)
            _ = write(STDERR_FILENO, bytes, bytes.count)
        }
    }

    /// A value that every message carries.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a message.
    public func log(event: LogEvent) {
        var line = "\(WallClock.rfc3339(WallClock.now())) \(event.level) \(label) \(event.message)"
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted("\(value)"))" }
        line = String(line.map { $0.isNewline ? " " : $0 })
        let bytes = Array("\(line)\n".utf8)
        // One write per line keeps lines of several threads whole; what cannot be written is lost, as logs are.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && !text.contains { $0 == " " || $0 == "\"" || $0 == "=" || $0.isNewline }
        return isPlain ? text : "\"" + text.replacing("\"", with: "\\\"") + "\""
    }
}
