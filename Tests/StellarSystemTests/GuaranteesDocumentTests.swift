import FoundationEssentials
import Testing

/// A promise of Docs/Guarantees.md is worth the test beside it: each that is named there exists.
@Suite struct GuaranteesDocumentTests {
    // why: #filePath is the one way to the sources; Tests/StellarSystemTests/ is two folders down.
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../")

    /// `Suite.test`, or `.test` of the suite named before, or `Suite`: what is between backticks.
    static func named(in document: String) -> [(suite: String, test: String?)] {
        var suite = ""
        var found: [(suite: String, test: String?)] = []
        let quoted = document.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter {
            !$0.offset.isMultiple(of: 2)
        }
        for (_, text) in quoted {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard (1...2).contains(parts.count), parts.allSatisfy({ $0.allSatisfy { $0.isLetter || $0.isNumber } })
            else { continue }
            if parts[0].hasSuffix("Tests") { suite = parts[0] }
            guard suite == parts[0] || (parts[0].isEmpty && parts.count == 2) else { continue }
            found.append((suite, parts.count == 2 ? parts[1] : nil))
        }
        return found
    }

    /// The functions of each suite, wherever parts of it are.
    private static func suites() throws -> [String: Set<String>] {
        let tests = root.appending(path: "Tests").path
        var suites: [String: Set<String>] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: tests) where path.hasSuffix(".swift") {
            let text = try String(contentsOfFile: "\(tests)/\(path)", encoding: .utf8)
            let functions = Set(names(after: "func ", in: text))
            let types = ["struct ", "class ", "extension "].flatMap { names(after: $0, in: text) }
            for type in Set(types) where type.hasSuffix("Tests") { suites[type, default: []].formUnion(functions) }
        }
        return suites
    }

    private static func names(after word: String, in text: String) -> [String] {
        text.split(separator: word, omittingEmptySubsequences: false).dropFirst().map {
            String($0.prefix { $0.isLetter || $0.isNumber })
        }
    }

    @Test func everyNamedTestExists() throws {
        let suites = try Self.suites()
        let document = try String(contentsOf: Self.root.appending(path: "Docs/Guarantees.md"), encoding: .utf8)
        let named = Self.named(in: document)
        #expect(named.count > 100, "\(named.count)")
        for (suite, test) in named {
            let functions = suites[suite]
            #expect(functions != nil, "there is no \(suite)")
            if let test, let functions { #expect(functions.contains(test), "\(suite) has no \(test)") }
        }
    }

    @Test func namesOfADocumentAreFound() {
        let text = "| it runs | `ATests.one`, `.two` and `B.three`, `sctl apps`, `BTests` | `.four` | `DataDir/x.y` |"
        let named = Self.named(in: text).map { "\($0.suite).\($0.test ?? "")" }
        #expect(named == ["ATests.one", "ATests.two", "BTests.", "BTests.four"])
    }
}
