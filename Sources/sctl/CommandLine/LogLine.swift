/// One line on stderr, in the form of the original's logger.
enum LogLine {
    /// `FATA[0000] …` for people, `level=fatal msg="…"` for programs.
    static func fatal(_ message: String, terminal: Bool) -> String {
        terminal ? "FATA[0000] \(message.singleLine)" : "level=fatal msg=\(quoted(message))"
    }

    static func debug(_ message: String, terminal: Bool) -> String {
        terminal ? "DEBU[0000] \(message.singleLine)" : "level=debug msg=\(quoted(message))"
    }

    /// In double quotes, with what would end the line or the quotes escaped.
    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            default: out.unicodeScalars.append(scalar.isControl ? "\u{FFFD}" : scalar)
            }
        }
        return out + "\""
    }
}

extension String {
    /// The same text on one line and without control characters: what a container or a peer says must not move the
    /// cursor or recolour the terminal.
    var singleLine: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        var out = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar {
            case "\n", "\t", "\r": out.append(" ")
            default: out.append(scalar.isControl ? "\u{FFFD}" : scalar)
            }
        }
        return String(out)
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1.
    var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
