/// The words that `Docs/Style.md` does not use, in names, comments and texts.
enum Words {
    private static let words: Set<Substring> = [
        "settle", "settles", "settled", "settling", "unsettled", "anew", "farewell", "whoever", "whom", "whomever",
        "tell", "tells", "told", "telling", "hear", "hears", "heard", "hearing",
    ]

    private static let phrases = [
        "look around", "looks around", "put aside", "puts aside", "see to it", "sees to it", "does not read",
        "do not read", "none of ours",
    ]

    /// Stored or wire formats that keep a word.
    private static let exceptions = ["settled-subnet"]

    /// Files that list the words themselves.
    private static let unchecked = ["Docs/Style.md", "scripts/tidy/Words.swift"]

    /// `path:line: WORD`
    static func breaches(_ file: SourceFile) -> [String] {
        guard !unchecked.contains(where: file.path.hasPrefix) else { return [] }
        return file.lines.enumerated().flatMap { index, line in
            found(in: line).map { "\(file.path):\(index + 1): \($0)" }
        }
    }

    static func found(in line: Substring) -> [String] {
        guard !exceptions.contains(where: line.contains) else { return [] }
        let parts = parts(line)
        let text = " \(parts.joined(separator: " ")) "
        return parts.filter(words.contains).map(String.init) + phrases.filter { text.contains(" \($0) ") }
    }

    /// The words of a line in lower case, names in their parts: `isAsked` is "is", "asked", and `startANode` is "start",
    /// "a", "node".
    private static func parts(_ line: Substring) -> [Substring] {
        let characters = Array(line)
        var text = ""
        for (index, character) in characters.enumerated() {
            guard character.isLetter else {
                text.append(" ")
                continue
            }
            if index > 0, character.isUppercase {
                let previous = characters[index - 1]
                let isFollowed = index + 1 < characters.count && characters[index + 1].isLowercase
                if previous.isLowercase || (previous.isUppercase && isFollowed) { text.append(" ") }
            }
            text.append(contentsOf: character.lowercased())
        }
        return text.split(separator: " ")
    }
}
