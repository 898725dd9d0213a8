import FoundationEssentials
import Testing

@testable import StellarCore

/// Docs/AppFile.md is true: its examples are valid apps, its tables have all fields, and its defaults, limits and
/// errors are those of the code. The examples of other documents are valid apps, too.
@Suite struct AppFileDocumentTests {
    // why: #filePath is the one way to the sources; Tests/StellarCoreTests/AppFile/ is three folders down.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../")

    static func file(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    static func document() throws -> String { try file("Docs/AppFile.md") }

    /// The JSON blocks of a document, between "```json" and "```".
    static func blocks(_ text: String) -> [String] {
        text.split(separator: "```json", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            guard let line = part.firstIndex(of: "\n") else { return nil }
            return part[line...].split(separator: "```").first.map(String.init)
        }
    }

    @Test func everyExampleIsAValidApp() throws {
        let examples = Self.blocks(try Self.document())
        #expect(examples.count == 4)
        for example in examples {
            let app = try AppFile.parse(example)
            #expect(try AppFile.parse(AppFile.encode(app)) == app)
        }
    }

    @Test func examplesOfOtherDocumentsAreValidApps() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "Docs").path)
        let documents = ["README.md"] + names.filter { $0.hasSuffix(".md") }.map { "Docs/\($0)" }
        #expect(documents.count > 4)
        for document in documents {
            for block in Self.blocks(try Self.file(document)) where block.contains("\"services\"") {
                #expect(throws: Never.self, "\(document)") { try AppFile.parse(block) }
            }
        }
        let readme = try #require(Self.blocks(try Self.file("README.md")).first)
        #expect(try AppFile.parse(readme) == AppFile.parse(Self.file("Examples/example.conf")))
    }

    @Test func documentHasTheLimits() throws {
        let text = try Self.document().split(whereSeparator: \.isNewline).joined(separator: " ")
        for limit in [
            "at most \(Name.maximumLength) characters |", "1 to \(AppFile.maximumServices), with different names",
            "at most \(ContainerID.maximumLength) characters", "at most \(AppFile.maximumReplicas) containers",
            "\(AppFile.maximumAppSize >> 20) MiB (white space not counted)",
            "a list within a service at most \(AppFile.maximumListLength) entries",
            "the number of containers, up to \(AppFile.maximumReplicas)", "from \(Resources.minimumMemory >> 20) MiB",
            "a DNS label of at most \(Name.maximumLength - 1) characters", "at most `1h`", "`100ms` to `24h`",
            "from 0.01 to \(Resources.maximumCPUMillis / 1000)", "1 to \(Resources.maximumPids)",
            "A label has at most \(Labels.maximumBytes) bytes", "Paths have at most \(PathRule.maximumLength) bytes",
        ] {
            #expect(text.contains(limit), "\(limit)")
        }
        #expect(AppDecoder.maximumStopGracePeriod == .seconds(3600) && Resources.minimumCPUMillis == 10)
    }

    @Test func documentHasEveryField() throws {
        let text = try Self.document()
        for field in AppDecoder.Fields.all {
            #expect(text.contains("`\(field)`"), "\(field) is missing")
        }
    }

    @Test func documentShowsTheErrorsOfItsFile() throws {
        let broken = """
            {"name": "a", "services": [{"name": "b", "image": "c", "instances": 2},
                {"name": "Web", "image": "c", "endpoints": [{"service": "x", "port": 70000}]}]}
            """
        do {
            _ = try AppFile.parse(broken)
            Issue.record("the file was accepted")
        } catch {
            let text = try Self.document()
            #expect(error.errors.count == 3)
            #expect(text.contains(error.description))
        }
    }

    @Test func documentHasTheDefaults() throws {
        let text = try Self.document()
        #expect(text.contains("| `runtime` | string | `\(Service.defaultRuntime)` |"))
        #expect(text.contains("| `snapshotter` | string | `\(Service.defaultSnapshotter)` |"))
        let durations: [(String, Duration)] = [
            ("stop_grace_period", Service.defaultStopGracePeriod), ("delay", RestartPolicy.defaultDelay),
            ("interval", HealthCheck.defaultInterval), ("timeout", HealthCheck.defaultTimeout), ("start_period", .zero),
        ]
        for (field, value) in durations {
            #expect(text.contains("| `\(field)` | duration | `\(GoDuration.format(value))` |"), "\(field)")
        }
        #expect(
            GoDuration.parse("1m") == RestartPolicy.defaultMaxDelay
                && text.contains("| `max_delay` | duration | `1m` |")
        )
        #expect(text.contains("| `retries` | number | `\(HealthCheck.defaultRetries)` |"))
        for type in Mount.knownTypes { #expect(text.contains("`\(type)`"), "\(type)") }
    }
}
