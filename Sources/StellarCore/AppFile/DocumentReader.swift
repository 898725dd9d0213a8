/// Takes typed values out of a ``JSONNode`` and collects all errors, instead of stopping at the first.
///
/// It reports a wrong value once and then treats it as missing, so one mistake gives one error.
package struct DocumentReader {
    private var found: [(offset: Int, error: AppFileError)] = []

    /// The most errors in a list; the last entry is the number of the others.
    package static let maximumErrors = 1000

    package init() {}

    /// Adds an error at a place.
    package mutating func report(_ path: String, at offset: Int, _ message: String) {
        found.append((offset, AppFileError(path: path, message: message)))
    }

    /// All errors in document order, with lines and columns if the text is given.
    package func errors(in bytes: [UInt8]?) -> [AppFileError] {
        let sorted = found.enumerated().sorted { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) }
        var positions = bytes.map { TextPositions(in: $0) }
        var errors = sorted.prefix(Self.maximumErrors).map { item in
            var error = item.element.error
            if let (line, column) = positions?.position(of: item.element.offset) {
                error.line = line
                error.column = column
            }
            return error
        }
        if sorted.count > errors.count {
            let rest = sorted.count - errors.count
            errors.append(AppFileError(path: "", message: "and \(rest) more error\(rest == 1 ? "" : "s")"))
        }
        return errors
    }

    /// The members of one object.
    package struct Fields {
        /// The path of the object.
        package let path: String
        package let offset: Int
        fileprivate var nodes: [String: JSONNode] = [:]

        /// The path of a member.
        package func path(_ name: String) -> String {
            path.isEmpty ? name : "\(path).\(name)"
        }

        /// The member's node; nil if it is missing or null.
        package func node(_ name: String) -> JSONNode? {
            guard let node = nodes[name], node.value != .null else { return nil }
            return node
        }

        /// The offset of the member, or of the object if there is no such member.
        package func offset(_ name: String) -> Int { nodes[name]?.offset ?? offset }
    }

    /// Decodes the members of an object. Names match in any case. It reports an unknown name with the hint for that
    /// name, or else with the nearest known name.
    package mutating func object(
        _ node: JSONNode,
        _ path: String,
        of what: String,
        known: [String],
        hints: [String: String] = [:]
    ) -> Fields? {
        guard case .object(let members) = node.value else {
            report(path, at: node.offset, "expected an object (\(what)), not \(node.typeDescription)")
            return nil
        }
        var fields = Fields(path: path, offset: node.offset)
        for member in members {
            let lower = member.name.lowercased()
            guard let name = known.first(where: { $0.lowercased() == lower }) else {
                let hint =
                    hints[lower] ?? Suggestion.nearest(to: lower, in: known).map { "did you mean \(quoted($0))?" }
                let shown = fields.path(Self.shown(member.name))
                let rule = "is not a field of \(what)"
                report(
                    shown,
                    at: member.offset,
                    hint.map { "\(rule); \($0)" } ?? "\(rule) (\(known.joined(separator: ", ")))"
                )
                continue
            }
            if fields.nodes[name] != nil {
                report(fields.path(name), at: member.offset, "is given twice; keep one")
            } else {
                fields.nodes[name] = member.node
            }
        }
        return fields
    }

    /// A member name as part of a path, in quotes if it has unusual characters.
    private static func shown(_ name: String) -> String {
        let plain =
            !name.isEmpty && name.utf8.count <= 80
            && name.utf8.allSatisfy {
                ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z")) || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
        return plain ? name : quoted(name)
    }

    // MARK: Values

    /// A node with its path.
    package struct Place {
        package var node: JSONNode
        package var path: String
    }

    /// Reports a node of the wrong type, with the fix if there is an easy one.
    package mutating func expected(_ what: String, _ node: JSONNode, _ path: String, fix: String? = nil) {
        let end = fix.map { "; \($0)" } ?? ""
        report(path, at: node.offset, "expected \(what), not \(node.typeDescription)\(end)")
    }

    package mutating func string(_ node: JSONNode, _ path: String) -> String? {
        guard case .string(let text) = node.value else {
            switch node.value {
            case .number, .bool: expected("a string", node, path, fix: "write it in quotes")
            default: expected("a string", node, path)
            }
            return nil
        }
        // A NUL would cut off the value in the kernel and in other programs.
        guard !text.utf8.contains(0) else {
            report(path, at: node.offset, "\(quoted(text)) contains a NUL character")
            return nil
        }
        return text
    }

    package mutating func string(_ fields: Fields, _ name: String) -> String? {
        fields.node(name).flatMap { string($0, fields.path(name)) }
    }

    package mutating func bool(_ fields: Fields, _ name: String) -> Bool? {
        guard let node = fields.node(name) else { return nil }
        guard case .bool(let value) = node.value else {
            let isQuoted = [.string("true"), .string("false")].contains(node.value)
            expected("true or false", node, fields.path(name), fix: isQuoted ? "write it without quotes" : nil)
            return nil
        }
        return value
    }

    /// A whole number within a range.
    ///
    /// - Parameter what: the kind of number, for the error: `70000 is not a port (1-65535)`.
    package mutating func integer(
        _ node: JSONNode,
        _ path: String,
        _ what: String,
        in range: ClosedRange<UInt64>
    ) -> UInt64? {
        guard case .number(let text) = node.value else {
            var isQuoted = false
            if case .string(let text) = node.value { isQuoted = ExactDecimal(text) != nil }
            expected("a number", node, path, fix: isQuoted ? "write it without quotes" : nil)
            return nil
        }
        guard let value = ExactDecimal(text)?.integer(), range.contains(value) else {
            let shown = text.utf8.count <= 40 ? text : text.prefix(40) + "…"
            report(path, at: node.offset, "\(shown) is not \(what) (\(range.lowerBound)-\(range.upperBound))")
            return nil
        }
        return value
    }

    package mutating func integer(
        _ fields: Fields,
        _ name: String,
        _ what: String,
        in range: ClosedRange<UInt64>
    ) -> UInt64? {
        fields.node(name).flatMap { integer($0, fields.path(name), what, in: range) }
    }

    package mutating func port(_ node: JSONNode, _ path: String) -> UInt16? {
        integer(node, path, "a port", in: 1...65_535).map { UInt16($0) }
    }

    /// A duration in the form of Go, within a range.
    package mutating func duration(
        _ fields: Fields,
        _ name: String,
        in range: ClosedRange<Duration>
    ) -> Duration? {
        guard let node = fields.node(name) else { return nil }
        let example = "a duration such as \"30s\" or \"1m30s\""
        guard case .string(let text) = node.value else {
            expected(example, node, fields.path(name))
            return nil
        }
        guard let value = GoDuration.parse(text) else {
            let fix = GoDuration.parse(text + "s").map { "; did you mean \(quoted(GoDuration.format($0)))?" } ?? ""
            report(fields.path(name), at: node.offset, "\(quoted(text)) is not \(example)\(fix)")
            return nil
        }
        guard range.contains(value) else {
            let (low, high) = (GoDuration.format(range.lowerBound), GoDuration.format(range.upperBound))
            report(fields.path(name), at: node.offset, "\(quoted(text)) is out of range (\(low) to \(high))")
            return nil
        }
        return value
    }

    /// The elements of a list, each with its path; none if it is missing.
    ///
    /// - Parameter what: the kind of elements, for an error: `services`.
    package mutating func list(_ fields: Fields, _ name: String, of what: String) -> [Place] {
        guard let node = fields.node(name) else { return [] }
        guard case .array(let elements) = node.value else {
            var fix: String?
            if case .string(let text) = node.value { fix = "write a list: [\(quoted(text))]" }
            expected("a list of \(what)", node, fields.path(name), fix: fix)
            return []
        }
        return elements.enumerated().map { Place(node: $1, path: "\(fields.path(name))[\($0)]") }
    }

    /// A list of strings, each with its place. It reports elements of other types and leaves them out.
    package mutating func strings(
        _ fields: Fields,
        _ name: String,
        of what: String = "strings"
    ) -> [(text: String, place: Place)] {
        var result: [(String, Place)] = []
        for place in list(fields, name, of: what) {
            if let text = string(place.node, place.path) { result.append((text, place)) }
        }
        return result
    }

    /// An object of strings with any member names, each with its place.
    package mutating func stringMap(_ fields: Fields, _ name: String) -> [(key: String, value: String, place: Place)] {
        guard let node = fields.node(name) else { return [] }
        guard case .object(let members) = node.value else {
            expected("an object of strings", node, fields.path(name))
            return []
        }
        var seen: Set<String> = []
        var result: [(String, String, Place)] = []
        for member in members {
            let path = fields.path(name) + "." + Self.shown(member.name)
            guard seen.insert(member.name).inserted else {
                report(path, at: member.offset, "is given twice; keep one")
                continue
            }
            if let value = string(member.node, path) {
                result.append((member.name, value, Place(node: member.node, path: path)))
            }
        }
        return result
    }
}

/// Finds a known name for a misspelled one.
enum Suggestion {
    /// The known name with the fewest edits, if those are few for its length; else the only known name that has the
    /// given one as a word: `max_retries` for `retries`.
    static func nearest(to name: String, in known: [String]) -> String? {
        guard name.utf8.count <= 40 else { return nil }  // longer than any misspelled field name
        let best = known.map { (name: $0, distance: distance(Array(name.utf8), Array($0.lowercased().utf8))) }
            .min { $0.distance < $1.distance }
        if let best, best.distance <= max(1, best.name.utf8.count / 3) { return best.name }
        let containing = known.filter { $0.split(separator: "_").contains { $0 == name } }
        return containing.count == 1 ? containing[0] : nil
    }

    /// The number of inserted, deleted and replaced bytes (Levenshtein).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var previous = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var current = [i + 1]
            for (j, y) in b.enumerated() {
                current.append(min(previous[j + 1] + 1, current[j] + 1, previous[j] + (x == y ? 0 : 1)))
            }
            previous = current
        }
        return previous[b.count]
    }
}
