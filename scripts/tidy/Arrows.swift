/// Which targets may use which, by the tables of `Docs/Architecture.md`, and which do.
struct Arrows {
    /// From a name to those that it may use.
    var allowed: [String: Set<String>]

    /// Reads a table of Markdown: the first column has the names, the last what each may use.
    ///
    /// - Parameter heading: the first line of the table begins with it.
    init?(table heading: String, in document: [Substring]) {
        guard let start = document.firstIndex(where: { $0.hasPrefix(heading) }) else { return nil }
        allowed = [:]
        for row in document[start...].dropFirst(2) {
            guard row.hasPrefix("|") else { break }
            let cells = row.split(separator: "|")
            guard let first = cells.first, let last = cells.last else { continue }
            for name in Self.names(first) { allowed[name] = Set(Self.names(last)) }
        }
    }

    /// What stands in backticks.
    private static func names(_ cell: Substring) -> [String] {
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.filter { $0 % 2 == 1 }.map { String(parts[$0]) }
    }

    /// The names on a circle of arrows; empty where all go down.
    var circle: [String] {
        var rest = allowed
        while let free = rest.first(where: { $0.value.isDisjoint(with: Set(rest.keys).subtracting([$0.key])) })?.key {
            rest[free] = nil
        }
        return rest.keys.sorted()
    }
}

extension Arrows {
    /// Imports of the project's own modules that no arrow allows.
    func breachesOfTargets(_ files: [SourceFile]) -> [String] {
        var found: [String] = []
        let targets = Set(allowed.keys)
        for file in files {
            guard let mine = allowed[file.target] else {
                found.append("\(file.path): the table of targets in Docs/Architecture.md has no \(file.target)")
                continue
            }
            for (line, module) in file.imports where targets.contains(module) && !mine.contains(module) {
                found.append("\(file.path):\(line): \(file.target) may not import \(module)")
            }
        }
        return found
    }

    /// Uses of a type of another folder that no arrow allows, within one target.
    func breachesOfFolders(_ files: [SourceFile]) -> [String] {
        var home: [Substring: String] = [:]
        for file in files { for name in Self.declaredTypes(file) { home[name] = file.folder } }
        var found: [String] = []
        for file in files {
            guard let mine = allowed[file.folder] else {
                found.append("\(file.path): the table of folders in Docs/Architecture.md has no \(file.folder)")
                continue
            }
            for (index, line) in file.code.enumerated() {
                for word in Self.words(line) {
                    guard let folder = home[word], folder != file.folder, !mine.contains(folder) else { continue }
                    found.append("\(file.path):\(index + 1): \(file.folder) may not use \(word) of \(folder)")
                }
            }
        }
        return found
    }

    private static func words(_ line: String) -> [Substring] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// The types that a file declares at its top level and that other files see.
    private static func declaredTypes(_ file: SourceFile) -> [Substring] {
        let keywords: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
        return file.code.compactMap { line in
            guard line.first?.isWhitespace == false, !line.hasPrefix("private "), !line.hasPrefix("fileprivate ")
            else { return nil }
            let words = words(line)
            guard let at = words.firstIndex(where: keywords.contains), at + 1 < words.count,
                !words[..<at].contains("extension")
            else { return nil }
            return words[at + 1]
        }
    }
}

extension Arrows {
    static func actual(_ files: [SourceFile]) -> [String] {
        var home: [Substring: String] = [:]
        for file in files { for name in Self.declaredTypes(file) { home[name] = file.folder } }
        var uses: [String: [String: Set<String>]] = [:]
        for file in files {
            for line in file.code {
                for word in Self.words(line) {
                    guard let folder = home[word], folder != file.folder else { continue }
                    let base = file.path.split(separator: "/").last ?? ""
                    uses[file.folder, default: [:]][folder, default: []].insert("\(base):\(word)")
                }
            }
        }
        var out: [String] = []
        for (from, tos) in uses.sorted(by: { $0.key < $1.key }) {
            for (to, whats) in tos.sorted(by: { $0.key < $1.key }) {
                let both = uses[to]?[from] != nil ? " <-- BOTH" : ""
                out.append("\(from) -> \(to)\(both): \(whats.sorted().joined(separator: " "))")
            }
        }
        return out
    }
}
