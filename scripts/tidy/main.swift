// House rules that need more than a regular expression: arrows between targets and between the folders of the daemon,
// the length of functions, and the words of Docs/Style.md. Reads the paths to check from standard
// input, prints every breach as `RULE`, then lines, and ends with 1 if there is one.

import FoundationEssentials
import Glibc

var isClean = true

@MainActor func report(_ rule: String, _ breaches: [String]) {
    guard !breaches.isEmpty else { return }
    isClean = false
    print("tidy: \(rule)")
    for breach in breaches { print(breach) }
}

var paths: [String] = []
while let line = readLine() { paths.append(line) }

let sources = paths.filter { $0.hasPrefix("Sources/") && $0.hasSuffix(".swift") && !$0.contains("/Generated/") }
    .compactMap(SourceFile.init(path:))
let document = SourceFile(path: "Docs/Architecture.md")?.lines ?? []

if let targets = Arrows(table: "| target |", in: document) {
    report("an arrow between targets that Docs/Architecture.md does not draw", targets.breachesOfTargets(sources))
    report("targets that depend on each other in Docs/Architecture.md", targets.circle)
} else {
    report("Docs/Architecture.md has no table of targets", ["| target | … |"])
}
if CommandLine.arguments.contains("--arrows") {
    let daemon = sources.filter { $0.target == "StellarDaemon" }
    for line in Arrows.actual(daemon) { print(line) }
}
if let folders = Arrows(table: "| folder |", in: document) {
    let daemon = sources.filter { $0.target == "StellarDaemon" }
    report("an arrow between folders that Docs/Architecture.md does not draw", folders.breachesOfFolders(daemon))
    report("folders that depend on each other in Docs/Architecture.md", folders.circle)
} else {
    report("Docs/Architecture.md has no table of folders", ["| folder | … |"])
}

let texts = paths.filter { !$0.contains("/Generated/") }.compactMap(SourceFile.init(path:))
report("a word that Docs/Style.md does not use", texts.flatMap(Words.breaches))
report("a function over \(Functions.limit) lines", sources.flatMap(Functions.breaches))

exit(isClean ? 0 : 1)
