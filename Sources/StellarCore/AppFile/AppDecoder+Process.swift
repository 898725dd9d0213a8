extension AppDecoder {
    /// The largest user or group id: (uid_t)-1 means "no change" in setresuid(2).
    private static let maximumID = UInt64(UInt32.max) - 1

    mutating func process(_ fields: DocumentReader.Fields) -> Process {
        var process = Process()
        let known = Fields.process
        guard let node = fields.node("process"),
            let inner = reader.object(node, fields.path("process"), of: "a process", known: known)
        else { return process }
        process.uid = reader.integer(inner, "uid", "a user id", in: 0...Self.maximumID).map { UInt32($0) }
        process.gid = reader.integer(inner, "gid", "a group id", in: 0...Self.maximumID).map { UInt32($0) }
        process.user = user(inner)
        if case .string(let text)? = inner.node("user")?.value, !text.isEmpty,
            let other = ["uid", "gid"].first(where: { inner.node($0) != nil })
        {
            let message = "\"user\" and \"\(other)\" exclude each other; keep one"
            reader.report(inner.path("user"), at: inner.offset("user"), message)
        }
        process.args = limitedStrings(inner, "args").map(\.text)
        if process.args.first == "" {
            reader.report(inner.path("args") + "[0]", at: inner.offset("args"), "is empty; give the program to run")
        }
        process.env = environment(inner)
        if let text = reader.string(inner, "workdir"), !text.isEmpty {
            if let problem = PathRule.problem(with: text) {
                reader.report(inner.path("workdir"), at: inner.offset("workdir"), problem)
            } else {
                process.workdir = text
            }
        }
        return process
    }

    /// The user as `NAME`, `NAME:GROUP`, `UID` or `UID:GID`; nil if it is missing or empty.
    private mutating func user(_ fields: DocumentReader.Fields) -> String? {
        guard let text = reader.string(fields, "user"), !text.isEmpty else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        // More than the names of useradd(8): images come from many tools.
        let fits =
            parts.count <= 2
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.count <= 256
                    && part.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value >= 0x20 && $0 != "/" }
            }
        guard fits else {
            let message = "\(quoted(text)) is not a user (NAME, NAME:GROUP, UID or UID:GID)"
            reader.report(fields.path("user"), at: fields.offset("user"), message)
            return nil
        }
        return text
    }

    private mutating func environment(_ fields: DocumentReader.Fields) -> [String] {
        var entries: [String] = []
        var seen: Set<String> = []
        for (text, place) in limitedStrings(fields, "env", of: "strings such as \"KEY=value\"") {
            let key = String(text.prefix { $0 != "=" })
            if key.isEmpty || !text.contains("=") || key.contains(where: \.isWhitespace) {
                reader.report(
                    place.path,
                    at: place.node.offset,
                    "\(quoted(text)) is not a variable such as \"KEY=value\""
                )
            } else if !seen.insert(key).inserted {
                reader.report(place.path, at: place.node.offset, "the variable \(quoted(key)) is given twice; keep one")
            } else {
                entries.append(text)
            }
        }
        return entries
    }

    mutating func capabilities(_ fields: DocumentReader.Fields) -> Capabilities {
        var capabilities = Capabilities()
        guard let node = fields.node("capabilities"),
            let inner = reader.object(node, fields.path("capabilities"), of: "capabilities", known: Fields.capabilities)
        else { return capabilities }
        capabilities.add = names(inner, "add")
        capabilities.drop = names(inner, "drop")
        for name in capabilities.add where name != Capabilities.all && capabilities.drop.contains(name) {
            reader.report(inner.path("add"), at: inner.offset("add"), "\(name) is both added and dropped; keep one")
        }
        return capabilities
    }

    private mutating func names(_ fields: DocumentReader.Fields, _ field: String) -> [String] {
        var names: [String] = []
        for (text, place) in limitedStrings(fields, field) {
            guard let name = Capabilities.canonicalName(text) else {
                let near =
                    Suggestion.nearest(to: "cap_" + text.lowercased(), in: Capabilities.known)
                    ?? Suggestion.nearest(to: text.lowercased(), in: Capabilities.known)
                let fix = near.map { "; did you mean \(quoted($0))?" } ?? " such as \"NET_ADMIN\", or \"ALL\""
                reader.report(place.path, at: place.node.offset, "\(quoted(text)) is not a Linux capability\(fix)")
                continue
            }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}

/// The rule for paths of nodes and containers.
enum PathRule {
    /// The most bytes of a path: the kernel's PATH_MAX without the final NUL.
    static let maximumLength = 4095

    /// What is wrong with a path; nil if it is absolute, not too long and without `..`.
    static func problem(with path: String) -> String? {
        if !path.hasPrefix("/") { return "\(quoted(path)) is not an absolute path; begin it with \"/\"" }
        if path.utf8.count > maximumLength {
            return "\(quoted(path)) has \(path.utf8.count) bytes; the limit is \(maximumLength)"
        }
        if path.split(separator: "/").contains("..") {
            return "\(quoted(path)) contains \"..\"; write the path without it"
        }
        return nil
    }

    /// The path without repeated slashes, final slashes and `.`.
    static func normal(_ path: String) -> String {
        "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
