/// Functions of at most ``limit`` lines.
enum Functions {
    /// As much as can be read at one time (TigerBeetle's rule, and ours).
    static let limit = 70

    /// `path:line: name has n lines`, for those that are longer.
    ///
    /// The formatter guarantees that a declaration's closing brace has the indentation of its first line.
    static func breaches(_ file: SourceFile) -> [String] {
        var found: [String] = []
        for (index, line) in file.code.enumerated() {
            let indentation = line.prefix { $0 == " " }
            guard let name = declared(line.dropFirst(indentation.count)) else { continue }
            let closing = indentation + "}"
            guard
                let end = file.code[index...].firstIndex(where: { $0.hasPrefix(closing) || $0.hasSuffix("{ }") }),
                end - index + 1 > limit
            else { continue }
            // A requirement of a protocol has no body: the brace is the protocol's.
            guard file.code[index...end].contains(where: { $0.hasSuffix("{") }) else { continue }
            found.append("\(file.path):\(index + 1): \(name) has \(end - index + 1) lines")
        }
        return found
    }

    private static let modifiers: Set<Substring> = [
        "public", "package", "internal", "private", "fileprivate", "static", "class", "mutating", "nonmutating",
        "override", "convenience", "required", "final", "nonisolated", "isolated", "consuming", "borrowing", "async",
    ]

    private static func declared(_ line: Substring) -> Substring? {
        var words = line.split(separator: " ")[...]
        while let word = words.first, modifiers.contains(word) || word.hasPrefix("@") { words = words.dropFirst() }
        guard let keyword = words.first else { return nil }
        if keyword == "func" { return words.dropFirst().first.map { $0.prefix { $0 != "(" && $0 != "<" } } }
        return keyword.hasPrefix("init(") || keyword.hasPrefix("init?(") || keyword.hasPrefix("init<") ? "init" : nil
    }
}
