extension JSONNode {
    /// The node as JSON text: indented by four spaces with a final new line, or on one line. Members keep their order,
    /// so the same node always gives the same bytes.
    package func text(indented: Bool) -> String {
        var out = ""
        // Lists of plain values stay on one line.
        write(to: &out, level: indented ? 0 : nil, style: Style(width: 4, plainListsInLine: true))
        return indented ? out + "\n" : out
    }

    /// The node as JSON text with a line for each member and element, without a new line at its end.
    ///
    /// - Parameter width: spaces per level.
    package func text(indent width: Int) -> String {
        var out = ""
        write(to: &out, level: 0, style: Style(width: width, plainListsInLine: false))
        return out
    }

    private struct Style {
        var width: Int
        var plainListsInLine: Bool

        func newLine(_ level: Int) -> String { "\n" + String(repeating: " ", count: width * level) }
    }

    /// - Parameter level: the indentation level; nil is all on one line.
    private func write(to out: inout String, level: Int?, style: Style) {
        switch value {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .number(let text): out += text
        case .string(let text): out += Self.quotedString(text)
        case .array(let elements):
            let isInLine = style.plainListsInLine && elements.allSatisfy(\.isPlain)
            let inner = isInLine ? nil : level
            Self.list(elements, "[", "]", to: &out, level: inner, spaced: level != nil, style: style) {
                $0.write(to: &$1, level: $2, style: style)
            }
        case .object(let members):
            Self.list(members, "{", "}", to: &out, level: level, spaced: level != nil, style: style) {
                member,
                out,
                level in
                out += Self.quotedString(member.name)
                out += level == nil ? ":" : ": "
                member.node.write(to: &out, level: level, style: style)
            }
        }
    }

    private var isPlain: Bool {
        switch value {
        case .array, .object: false
        default: true
        }
    }

    private static func list<Element>(
        _ elements: [Element],
        _ open: String,
        _ close: String,
        to out: inout String,
        level: Int?,
        spaced: Bool,
        style: Style,
        _ element: (Element, inout String, Int?) -> Void
    ) {
        out += open
        for (index, item) in elements.enumerated() {
            if index > 0 { out += level == nil && spaced ? ", " : "," }
            if let level { out += style.newLine(level + 1) }
            element(item, &out, level.map { $0 + 1 })
        }
        if let level, !elements.isEmpty { out += style.newLine(level) }
        out += close
    }

    /// The text as a JSON string with its quotes. Escapes control characters, also those of C1, which are commands on a
    /// terminal.
    package static func quotedString(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
