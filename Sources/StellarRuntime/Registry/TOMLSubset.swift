/// A parser for the part of TOML (v1.0.0) that `hosts.toml` uses: comments, tables with dotted and quoted names, and
/// keys whose values are strings, booleans, integers or arrays of these.
///
/// It keeps the order, because hosts are tried in file order, and the line of each key, for messages.
package struct TOMLSubset: Sendable, Hashable {
    package indirect enum Value: Sendable, Hashable {
        case string(String)
        case boolean(Bool)
        case integer(Int)
        case array([Value])

        /// The kind of the value, for messages.
        package var kind: String {
            switch self {
            case .string: "a string"
            case .boolean: "a boolean"
            case .integer: "a number"
            case .array: "an array"
            }
        }
    }

    package struct Entry: Sendable, Hashable {
        package var key: String
        package var value: Value
        package var line: Int
    }

    /// One `[table]`, or the entries before the first (with an empty path).
    package struct Table: Sendable, Hashable {
        package var path: [String]
        package var line: Int
        package var entries: [Entry] = []
    }

    package struct Failure: Error, Sendable, Hashable {
        package let line: Int
        package let message: String
    }

    /// The largest file; a `hosts.toml` has a few hundred bytes.
    package static let maximumSize = 256 << 10
    /// The deepest nesting of arrays; `client` uses two levels.
    private static let maximumDepth = 8

    package private(set) var tables: [Table]

    package init(parsing text: String) throws(Failure) {
        var parser = Parser(text)
        tables = try parser.document()
    }

    private struct Parser {
        let characters: [Character]
        var index = 0
        var line = 1

        init(_ text: String) {
            characters = Array(text)
        }

        var current: Character? { index < characters.count ? characters[index] : nil }

        func failure(_ message: String) -> Failure { Failure(line: line, message: message) }

        mutating func advance() {
            if current?.isNewline == true { line += 1 }
            index += 1
        }

        /// Skips spaces and comments, and line ends if `lines` is true.
        mutating func skipBlank(lines: Bool) {
            while let character = current {
                if character == "#" {
                    while let next = current, !next.isNewline { _ = next; advance() }
                } else if character == " " || character == "\t" || (lines && character.isNewline) {
                    advance()
                } else {
                    return
                }
            }
        }

        mutating func endOfLine() throws(Failure) {
            skipBlank(lines: false)
            guard let character = current else { return }
            guard character.isNewline else { throw failure("'\(character)' is unexpected here") }
        }

        mutating func document() throws(Failure) -> [Table] {
            var tables = [Table(path: [], line: 1)]
            while true {
                skipBlank(lines: true)
                guard let character = current else { return tables }
                if character == "[" {
                    let start = line
                    advance()
                    guard current != "[" else { throw failure("arrays of tables ([[…]]) are not supported") }
                    let path = try dottedKey()
                    guard current == "]" else { throw failure("']' is missing after the table's name") }
                    advance()
                    try endOfLine()
                    if let earlier = tables.first(where: { $0.path == path && !path.isEmpty }) {
                        throw Failure(
                            line: start,
                            message:
                                "the table [\(path.joined(separator: "."))] is defined already, in line \(earlier.line)"
                        )
                    }
                    tables.append(Table(path: path, line: start))
                } else {
                    let entry = try entry()
                    let table = tables.count - 1
                    guard !tables[table].entries.contains(where: { $0.key == entry.key }) else {
                        throw Failure(line: entry.line, message: "'\(entry.key)' is set twice")
                    }
                    tables[table].entries.append(entry)
                }
            }
        }

        mutating func entry() throws(Failure) -> Entry {
            let start = line
            let path = try dottedKey()
            guard path.count == 1, let key = path.first else {
                throw failure("the key '\(path.joined(separator: "."))' is not supported here")
            }
            guard current == "=" else { throw failure("'=' is missing after '\(key)'") }
            advance()
            skipBlank(lines: false)
            let value = try value(depth: 0)
            try endOfLine()
            return Entry(key: key, value: value, line: start)
        }

        mutating func dottedKey() throws(Failure) -> [String] {
            var path: [String] = []
            while true {
                skipBlank(lines: false)
                path.append(try key())
                skipBlank(lines: false)
                guard current == "." else { return path }
                advance()
            }
        }

        mutating func key() throws(Failure) -> String {
            if current == "\"" || current == "'" { return try string() }
            var name = ""
            while let character = current,
                character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == "-")
            {
                name.append(character)
                advance()
            }
            guard !name.isEmpty else {
                throw failure(current.map { "a name is expected, not '\($0)'" } ?? "a name is missing")
            }
            return name
        }

        mutating func value(depth: Int) throws(Failure) -> Value {
            guard let character = current, !character.isNewline else { throw failure("a value is missing") }
            switch character {
            case "\"", "'": return .string(try string())
            case "[":
                guard depth < maximumDepth else { throw failure("arrays are nested too deep") }
                return try array(depth: depth)
            default:
                var word = ""
                while let next = current, !next.isWhitespace, !next.isNewline, !",]#".contains(next) {
                    word.append(next)
                    advance()
                }
                if word == "true" { return .boolean(true) }
                if word == "false" { return .boolean(false) }
                if let number = Int(word) { return .integer(number) }
                throw failure("'\(word)' is not a value; text needs quotes")
            }
        }

        mutating func array(depth: Int) throws(Failure) -> Value {
            advance()
            var values: [Value] = []
            while true {
                skipBlank(lines: true)
                guard let character = current else { throw failure("']' is missing at the end of an array") }
                if character == "]" {
                    advance()
                    return .array(values)
                }
                values.append(try value(depth: depth + 1))
                skipBlank(lines: true)
                if current == "," {
                    advance()
                } else if current != "]" {
                    throw failure("',' or ']' is missing in an array")
                }
            }
        }

        mutating func string() throws(Failure) -> String {
            let quote: Character = current ?? "\""
            advance()
            var text = ""
            while let character = current, !character.isNewline {
                advance()
                if character == quote { return text }
                guard character == "\\", quote == "\"" else {
                    text.append(character)
                    continue
                }
                text.append(try escaped())
            }
            throw failure("the closing \(quote) is missing")
        }

        mutating func escaped() throws(Failure) -> Character {
            let character = current
            advance()
            switch character {
            case "n": return "\n"
            case "t": return "\t"
            case "r": return "\r"
            case "\\": return "\\"
            case "\"": return "\""
            case "u", "U":
                let count = character == "u" ? 4 : 8
                let digits = String(characters[index..<min(index + count, characters.count)])
                guard digits.count == count, let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number)
                else { throw failure("'\\\(character ?? "u")\(digits)' is not a character") }
                index += count
                return Character(scalar)
            default:
                throw failure("'\\\(character.map(String.init) ?? "")' is not an escape sequence")
            }
        }
    }
}
