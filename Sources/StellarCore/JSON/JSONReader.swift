/// Reads JSON text (RFC 8259) into a ``JSONNode``.
///
/// Any bytes give a node or an error, never a trap. Two limits bound memory and stack: size and depth.
package struct JSONReader {
    /// The deepest nesting, which costs stack; app files are at most ten deep.
    package static let maximumDepth = 64

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    /// Reads a whole document: one value, with nothing but white space (and a byte order mark before) around it.
    package static func read(_ bytes: [UInt8], maximumSize: Int) throws(JSONSyntaxError) -> JSONNode {
        guard bytes.count <= maximumSize else {
            throw JSONSyntaxError(
                message: "the document has \(bytes.count) bytes; the limit is \(maximumSize)",
                offset: 0
            )
        }
        var reader = JSONReader(bytes: bytes)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.index = 3 }
        reader.skipSpace()
        guard reader.peek != nil else { throw reader.error("the document is empty") }
        let node = try reader.value()
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.unexpected("the end of the document") }
        return node
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func error(_ message: String, at offset: Int? = nil) -> JSONSyntaxError {
        JSONSyntaxError(message: message, offset: offset ?? index)
    }

    /// An error: the expected and the actual character, with a fix for comments and single quotes.
    private func unexpected(_ expected: String) -> JSONSyntaxError {
        guard let byte = peek else { return error("expected \(expected), but the document ends here") }
        switch byte {
        case UInt8(ascii: "#"): return error("JSON has no comments; remove this one")
        case UInt8(ascii: "/")
        where index + 1 < bytes.count && [UInt8(ascii: "/"), UInt8(ascii: "*")].contains(bytes[index + 1]):
            return error("JSON has no comments; remove this one")
        case UInt8(ascii: "'"): return error("expected \(expected); write strings in double quotes")
        case 0x21...0x7E: return error("expected \(expected), not \"\(Unicode.Scalar(byte))\"")
        default: return error("expected \(expected), not the byte 0x\(String(byte, radix: 16))")
        }
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func value() throws(JSONSyntaxError) -> JSONNode {
        let start = index
        guard let byte = peek else { throw unexpected("a value") }
        switch byte {
        case UInt8(ascii: "{"): return JSONNode(.object(try object()), offset: start)
        case UInt8(ascii: "["): return JSONNode(.array(try array()), offset: start)
        case UInt8(ascii: "\""): return JSONNode(.string(try string()), offset: start)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return JSONNode(.number(try number()), offset: start)
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return try word()
        default: throw unexpected("a value")
        }
    }

    private mutating func word() throws(JSONSyntaxError) -> JSONNode {
        let start = index
        while let byte = peek, (byte | 0x20) >= UInt8(ascii: "a"), (byte | 0x20) <= UInt8(ascii: "z") { index += 1 }
        let word = String(decoding: bytes[start..<index], as: UTF8.self)
        switch word {
        case "true": return JSONNode(.bool(true), offset: start)
        case "false": return JSONNode(.bool(false), offset: start)
        case "null": return JSONNode(.null, offset: start)
        default:
            if depth == 0 {
                let message = "expected a JSON document, which begins with \"{\", not \(quoted(word))"
                throw error(message, at: start)
            }
            throw error("expected a value, not \(quoted(word)); write strings in double quotes", at: start)
        }
    }

    private mutating func enter() throws(JSONSyntaxError) {
        guard depth < Self.maximumDepth else {
            throw error("values are nested more than \(Self.maximumDepth) deep")
        }
        depth += 1
        index += 1
        skipSpace()
    }

    /// Consumes the comma after an element, or the closing bracket; false for the bracket.
    private mutating func more(until close: UInt8) throws(JSONSyntaxError) -> Bool {
        skipSpace()
        if peek == close {
            index += 1
            depth -= 1
            return false
        }
        guard peek == UInt8(ascii: ",") else { throw unexpected("\",\" or \"\(Unicode.Scalar(close))\"") }
        let comma = index
        index += 1
        skipSpace()
        if peek == close {
            throw error("a comma before \"\(Unicode.Scalar(close))\" is not JSON; remove it", at: comma)
        }
        return true
    }

    private mutating func array() throws(JSONSyntaxError) -> [JSONNode] {
        try enter()
        var elements: [JSONNode] = []
        if peek == UInt8(ascii: "]") {
            index += 1
            depth -= 1
            return elements
        }
        repeat {
            elements.append(try value())
        } while try more(until: UInt8(ascii: "]"))
        return elements
    }

    private mutating func object() throws(JSONSyntaxError) -> [JSONNode.Member] {
        try enter()
        var members: [JSONNode.Member] = []
        if peek == UInt8(ascii: "}") {
            index += 1
            depth -= 1
            return members
        }
        repeat {
            let start = index
            guard peek == UInt8(ascii: "\"") else { throw unexpected("a member name in double quotes") }
            let name = try string()
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw unexpected("\":\" after \(quoted(name))") }
            index += 1
            skipSpace()
            members.append(JSONNode.Member(name, try value(), offset: start))
        } while try more(until: UInt8(ascii: "}"))
        return members
    }

    /// A number of RFC 8259, section 6, as written.
    private mutating func number() throws(JSONSyntaxError) -> String {
        let start = index
        if peek == UInt8(ascii: "-") { index += 1 }
        let first = index
        try digits()
        if bytes[first] == UInt8(ascii: "0"), index > first + 1 {
            throw error("a number has no leading zeros", at: start)
        }
        if peek == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
            index += 1
            if let sign = peek, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = index
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        guard index > start else { throw unexpected("a digit") }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        let start = index
        index += 1
        var out: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw error("this string is not UTF-8", at: start)
                }
                return text
            case UInt8(ascii: "\\"):
                out.append(contentsOf: String(try escape()).utf8)
            case ..<0x20:
                throw error(
                    byte == 0x0A
                        ? "the string that begins here has no closing quote on its line"
                        : "control character 0x\(String(byte, radix: 16)) in a string; write it as an escape",
                    at: byte == 0x0A ? start : index
                )
            default:
                out.append(byte)
                index += 1
            }
        }
        throw error("the string that begins here has no closing quote", at: start)
    }

    private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let start = index
        index += 1
        guard let byte = peek else { throw unexpected("an escape") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw error("unknown escape in a string; write a backslash as \"\\\\\"", at: start)
        }
        let unit = try codeUnit(start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        // A surrogate (RFC 8259, section 7): the two halves make one scalar, one half makes none.
        guard (0xD800..<0xDC00).contains(unit), peek == UInt8(ascii: "\\"), index + 1 < bytes.count,
            bytes[index + 1] == UInt8(ascii: "u")
        else { throw error("half of a surrogate pair in a string", at: start) }
        index += 2
        let low = try codeUnit(start)
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { throw error("half of a surrogate pair in a string", at: start) }
        return scalar
    }

    private mutating func codeUnit(_ start: Int) throws(JSONSyntaxError) -> UInt32 {
        guard index + 4 <= bytes.count,
            bytes[index..<(index + 4)].allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let unit = UInt32(String(decoding: bytes[index..<(index + 4)], as: UTF8.self), radix: 16)
        else { throw error("\\u needs four hexadecimal digits", at: start) }
        index += 4
        return unit
    }
}

/// Finds the line and column of offsets into a text, from 1, columns in Unicode scalars.
///
/// Offsets come in growing order, so it walks the text once.
package struct TextPositions {
    private let bytes: [UInt8]
    private var index: Int
    private var line = 1
    private var column = 1

    package init(in bytes: [UInt8]) {
        self.bytes = bytes
        index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The place of an offset in bytes, which must not be smaller than the one before.
    package mutating func position(of offset: Int) -> (line: Int, column: Int) {
        while index < min(offset, bytes.count) {
            if bytes[index] == 0x0A {
                line += 1
                column = 1
            } else if bytes[index] & 0xC0 != 0x80 {  // not within a scalar
                column += 1
            }
            index += 1
        }
        return (line, column)
    }
}
