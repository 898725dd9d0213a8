extension JSONNode {
    /// The node as JSON text: indented by four spaces and ending in a new line, or in one line. Members keep their
    /// order, so the same node always gives the same bytes.
    package func text(indented: Bool) -> String {
        var out = ""
        write(to: &out, indent: indented ? 0 : nil)
        return indented ? out + "\n" : out
    }

    private func write(to out: inout String, indent: Int?) {
        switch value {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .number(let text): out += text
        case .string(let text): out += Self.quotedString(text)
        case .array(let elements):
            // Lists of plain values read best in one line.
            let plain = elements.allSatisfy(\.isPlain)
            Self.list(elements, "[", "]", to: &out, indent: plain ? nil : indent, spaced: indent != nil) {
                $0.write(to: &$1, indent: $2)
            }
        case .object(let members):
            Self.list(members, "{", "}", to: &out, indent: indent, spaced: indent != nil) { member, out, indent in
                out += Self.quotedString(member.name)
                out += indent == nil ? ":" : ": "
                member.node.write(to: &out, indent: indent)
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
        indent: Int?,
        spaced: Bool,
        _ element: (Element, inout String, Int?) -> Void
    ) {
        out += open
        for (index, item) in elements.enumerated() {
            if index > 0 { out += indent == nil && spaced ? ", " : "," }
            if let indent { out += "\n" + String(repeating: "    ", count: indent + 1) }
            element(item, &out, indent.map { $0 + 1 })
        }
        if let indent, !elements.isEmpty { out += "\n" + String(repeating: "    ", count: indent) }
        out += close
    }

    /// The text as a JSON string, in its quotes. Control characters are escaped, those of C1 too: on a terminal they are
    /// commands.
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
