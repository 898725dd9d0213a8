import FoundationEssentials

/// A Swift file of the project, with its comments and strings separated from its code.
struct SourceFile {
    var path: String
    var lines: [Substring]
    /// The code of each line: comments and the contents of strings are blanks.
    var code: [String]

    init?(path: String) {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        self.init(path: path, text: String(decoding: data, as: UTF8.self))
    }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = Self.code(lines)
    }

    /// `Sources/StellarDaemon/Apps/AppPlan.swift` → `StellarDaemon`
    var target: String { component(1) }
    /// `Sources/StellarDaemon/Apps/AppPlan.swift` → `Apps`; empty for a file that is in no folder of its target.
    var folder: String { path.split(separator: "/").count > 3 ? component(2) : "" }

    private func component(_ index: Int) -> String {
        let parts = path.split(separator: "/")
        return parts.count > index ? String(parts[index]) : ""
    }

    /// The modules that the file imports, each with its line number from 1.
    var imports: [(line: Int, module: String)] {
        code.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
                words[..<at].allSatisfy(Self.isModifier)
            else { return nil }
            return (index + 1, String(words[at + 1].prefix { $0 != "." }))
        }
    }

    private static func isModifier(_ word: Substring) -> Bool {
        word.hasPrefix("@") || ["public", "package", "internal", "private", "fileprivate"].contains(word)
    }

    private static func code(_ lines: [Substring]) -> [String] {
        var state = State.code
        return lines.map { line in
            var out = ""
            var rest = line[...]
            // A line comment and a plain string end with their line.
            if state == .string { state = .code }
            while let character = rest.first {
                switch state {
                case .code where rest.hasPrefix("//"): return out
                case .code where rest.hasPrefix("/*"): state = .comment
                case .code where rest.hasPrefix("\"\"\""):
                    state = .longString
                    rest = rest.dropFirst(2)
                case .code where character == "\"": state = .string
                case .comment where rest.hasPrefix("*/"):
                    state = .code
                    rest = rest.dropFirst()
                case .string where character == "\\", .longString where character == "\\":
                    // The code of an interpolation counts, what else is escaped does not.
                    if rest.hasPrefix("\\(") {
                        let inner = interpolation(rest.dropFirst(2))
                        out += " \(inner) "
                        rest = rest.dropFirst(inner.count + 2)
                    } else {
                        rest = rest.dropFirst()
                    }
                case .string where character == "\"": state = .code
                case .longString where rest.hasPrefix("\"\"\""):
                    state = .code
                    rest = rest.dropFirst(2)
                case .code: out.append(character)
                default: out.append(" ")
                }
                rest = rest.dropFirst()
            }
            return out
        }
    }

    private static func interpolation(_ text: Substring) -> Substring {
        var depth = 1
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return text[..<index] }
        }
        return text
    }

    private enum State {
        case code, comment, string, longString
    }
}
