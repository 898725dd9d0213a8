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

    /// What is written in these words throughout. The list grows until it is the whole project.
    private static let checked = [
        "Sources/StellarDaemon/", "Sources/StellarNet/", "Sources/StellarRPC/", "Sources/StellarRPCProtobuf/",
        "Sources/StellarStore/", "Sources/StellarStorage/", "Sources/sctl/", "Sources/stellar/",
        "Sources/stellar-cni-ipam/", "Sources/stellar-lab/", "README.md", "Docs/AppFile.md", "Docs/Architecture.md",
        "Docs/Benchmarks.md", "Docs/CommandLine.md", "Docs/Networking.md", "Docs/Operations.md", "Docs/Runtime.md",
        "Docs/Store.md",
        "Docs/TLS.md", "Docs/Testing.md", "Docs/ThreatModel.md", "Benchmarks/", "Examples/",
    ]

    /// `path:line: WORD`
    static func breaches(_ file: SourceFile) -> [String] {
        guard checked.contains(where: file.path.hasPrefix) else { return [] }
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

    /// The words of a line in lower case, names in their parts: `startsANewTask` is "starts", "a", "new", "task".
    private static func parts(_ line: Substring) -> [Substring] {
        var text = ""
        var before: Character = " "
        for (character, after) in zip(line, line.dropFirst() + " ") {
            let startsWord = character.isUppercase && (before.isLowercase || after.isLowercase)
            if !character.isLetter || startsWord { text.append(" ") }
            if character.isLetter { text.append(contentsOf: character.lowercased()) }
            before = character
        }
        return text.split(separator: " ")
    }
}
