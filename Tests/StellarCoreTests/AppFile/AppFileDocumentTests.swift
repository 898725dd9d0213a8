import FoundationEssentials
import Testing

@testable import StellarCore

/// What Docs/AppFile.md says is so: its examples are apps, its tables name the fields the reader knows, and its defaults
/// are the defaults.
@Suite struct AppFileDocumentTests {
    static func document() throws -> String {
        // why: #filePath is the one way to the sources; Tests/StellarCoreTests/AppFile/ is three folders down.
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../")
        return try String(contentsOf: root.appending(path: "Docs/AppFile.md"), encoding: .utf8)
    }

    @Test func everyExampleIsAnApp() throws {
        let parts = try Self.document().split(separator: "```json app\n", omittingEmptySubsequences: false).dropFirst()
        #expect(parts.count == 4)
        for part in parts {
            let example = try #require(part.split(separator: "```").first)
            let app = try AppFile.parse(String(example))
            #expect(try AppFile.parse(AppFile.encode(app)) == app)
        }
    }

    @Test func everyFieldHasItsRow() throws {
        let text = try Self.document()
        for field in AppDecoder.Fields.all {
            #expect(text.contains("`\(field)`"), "\(field) is not described")
        }
    }

    @Test func theErrorsShownAreTheErrorsTold() throws {
        let broken = """
            {"name": "a", "services": [{"name": "b", "image": "c", "instances": 2},
                {"name": "Web", "image": "c", "endpoints": [{"service": "x", "port": 70000}]}]}
            """
        do {
            _ = try AppFile.parse(broken)
            Issue.record("it was taken")
        } catch {
            let text = try Self.document()
            #expect(error.errors.count == 3)
            #expect(text.contains(error.description))
        }
    }

    @Test func theDefaultsAreThoseOfTheTable() throws {
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
