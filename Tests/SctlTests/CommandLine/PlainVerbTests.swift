import ArgumentParser
import Testing

@testable import sctl

@Suite("Command lines that are parsed without ArgumentParser")
struct PlainVerbTests {
    private static let verbs: [any PlainVerb.Type] = [
        ApplicationsList.self, ClusterHealth.self, ClusterImages.self, ClusterInfo.self, ClusterNodes.self,
        ClusterPeers.self, ClusterRTT.self, ClusterLeave.self, ClusterKeysList.self, ImagesList.self, NetworkList.self,
        NetworkInspect.self,
        VersionShow.self,
    ]

    /// The values of global options, for comparison.
    private static func text(_ globals: GlobalOptions) -> [String] {
        [
            globals.addr ?? "-", globals.cert ?? "-", globals.key ?? "-", globals.ca ?? "-",
            "\(globals.skipVerify) \(globals.output) \(globals.debug)",
        ]
    }

    private static func both(
        _ verb: any PlainVerb.Type,
        _ line: [String]
    ) throws -> (plain: any PlainVerb, parsed: any PlainVerb) {
        let plain: (any PlainVerb)? = verb.reading(line)
        let parsed = try verb.parseAsRoot(line) as? any PlainVerb
        return (try #require(plain), try #require(parsed))
    }

    static let lines: [[String]] = [
        [],
        ["--addr", "10.0.0.1:9000"],
        ["-a", "10.0.0.1"],
        ["--addr", ""],
        ["--addr", "one", "--addr", "two"],
        ["--cert", "c", "--key", "k", "--ca", "a"],
        ["-c", "c", "-k", "k"],
        ["-o", "json"],
        ["--output", "table", "--debug", "--skip-verify"],
        ["-D", "-o", "json"],
    ]

    @Test(arguments: lines)
    func saysWhatArgumentParserSays(_ line: [String]) throws {
        for verb in Self.verbs {
            let (plain, parsed) = try Self.both(verb, line)
            #expect(Self.text(plain.globals) == Self.text(parsed.globals))
        }
    }

    /// Wrong lines, and lines in another spelling, are left to ArgumentParser.
    @Test(arguments: [
        ["extra"], ["--bogus"], ["--addr"], ["--addr", "-D"], ["-o", "yaml"], ["--addr=10.0.0.1"], ["-Da", "10.0.0.1"],
        ["--help"], ["-h"], ["--"], ["--", "-D"], ["--version"], ["-D", ""], ["--client"],
    ])
    func leavesTheRest(_ line: [String]) {
        for verb in Self.verbs {
            let plain = verb.reading(line)
            #expect(plain == nil, "\(verb)")
        }
    }

    @Test func everyArgumentHasItsDefault() throws {
        for verb in Self.verbs {
            let (plain, parsed) = try Self.both(verb, [])
            #expect("\(plain)" == "\(parsed)", "one without its default would be shown as a definition")
        }
    }
}
