/// The rule for names of apps and services: a DNS label in lower case (RFC 1123, section 2.1).
///
/// Both names are parts of a replica's host name and of its DNS name, `<app>.<service>.<replica>.stellar`.
public enum Name {
    /// The most characters of a DNS label: its length has six bits (RFC 1035, section 2.3.4).
    public static let maximumLength = 63

    /// What is wrong with a name, and the fix: `is empty; give it a name such as "redis"`. nil if it is a DNS label.
    public static func problem(with name: String) -> String? {
        if name.isEmpty { return "is empty; give it a name such as \"redis\"" }
        if name.utf8.count > maximumLength {
            return "\(quoted(name)) has \(name.utf8.count) characters; a DNS label has at most \(maximumLength)"
        }
        guard name.utf8.allSatisfy(isLabelByte), name.utf8.first != dash, name.utf8.last != dash else {
            let rule = "\(quoted(name)) is not a DNS label (a-z, 0-9 and - inside)"
            let fix = suggestion(for: name)
            return fix.isEmpty ? rule : rule + "; did you mean \(quoted(fix))?"
        }
        return nil
    }

    /// The nearest DNS label: in lower case, with `-` for other characters. Empty if no character is left.
    static func suggestion(for name: String) -> String {
        var bytes: [UInt8] = []
        for scalar in name.lowercased().unicodeScalars {
            let byte = UInt8(exactly: scalar.value) ?? dash
            let fitting = isLabelByte(byte) ? byte : dash
            if fitting != dash || (bytes.last ?? dash) != dash { bytes.append(fitting) }
        }
        bytes = Array(bytes.prefix(maximumLength))
        while bytes.last == dash { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether a text is a DNS name: at most 253 characters, labels of letters in any case, digits and `-` inside.
    static func isHostName(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                let lower = label.lowercased().utf8
                return !lower.isEmpty && lower.count <= maximumLength && lower.allSatisfy(isLabelByte)
                    && lower.first != dash && lower.last != dash
            }
    }

    private static let dash = UInt8(ascii: "-")

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), dash: true
        default: false
        }
    }
}

/// The text in quotes for an error message: cut to one line, with control characters escaped.
func quoted(_ text: some StringProtocol) -> String {
    let limit = 80  // a line on a terminal
    var out = "\""
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar {
        case "\"", "\\": out += "\\\(scalar)"
        case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
            out += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + (text.unicodeScalars.count > limit ? "…\"" : "\"")
}
