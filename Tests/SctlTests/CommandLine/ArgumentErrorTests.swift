import Testing

@testable import sctl

@Suite("Wrong arguments")
struct ArgumentErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        let message: String
        var status = SctlExit.failure
        var testDescription: String { arguments.joined(separator: " ") }
    }

    static let cases: [Case] = [
        Case(arguments: ["apps", "delete"], message: "you must specify an application name"),
        Case(arguments: ["apps", "inspect"], message: "you must specify an application name"),
        Case(arguments: ["apps", "restart"], message: "you must specify an application name"),
        Case(arguments: ["apps", "delete", ""], message: "you must specify an application name"),
        Case(arguments: ["node", "containers", "delete"], message: "you must specify an id"),
        Case(arguments: ["node", "containers", "restart"], message: "you must specify an id"),
        Case(arguments: ["nameserver", "create"], message: "you must enter a name and value"),
        Case(arguments: ["nameserver", "create", "db.stellar"], message: "you must enter a name and value"),
        Case(arguments: ["nameserver", "delete"], message: "you must enter a name"),
        Case(arguments: ["nameserver", "create", "a", "b", "-t", "PTR"], message: #"unsupported record type \"PTR\""#),
        Case(arguments: ["nameserver", "delete", "-t", "x", "a"], message: #"unsupported record type \"x\""#),
        Case(
            arguments: ["nameserver", "create", "db.stellar", "300.1.1.1"],
            message: "300.1.1.1 is not an IPv4 address"
        ),
        Case(
            arguments: ["nameserver", "create", "a", "b", "-t", "srv"],
            message: "an SRV record needs --port and --service"
        ),
        Case(arguments: ["apps", "inspect", "x", "--format", "xml"], message: "invalid output format: xml"),
        Case(
            arguments: ["apps", "list", "--bogus"],
            message: "Unknown option '--bogus' (see: sctl applications list --help)"
        ),
        Case(arguments: ["apps", "list", "extra"], message: "Unexpected argument 'extra'"),
        Case(arguments: ["-o", "yaml", "apps", "list"], message: "The value 'yaml' is invalid"),
        Case(arguments: ["apps", "list", "--addr"], message: "Missing value for '--addr <address>'"),
        Case(
            arguments: ["--addr", "", "apps", "list"],
            message: "--addr : not an address; give HOST:PORT or unix:///PATH"
        ),
        Case(arguments: ["--key", "k", "apps", "list"], message: "--key needs the certificate it belongs to"),
        Case(arguments: ["images", "pull"], message: "you must specify an image"),
        Case(arguments: ["completion", "tcsh"], message: "The value 'tcsh' is invalid"),
        Case(
            arguments: ["apps", "create", "-f", "/nowhere/app.json"],
            message: "error accessing config /nowhere/app.json: No such file or directory",
            status: .badAppFile
        ),
    ]

    @Test("One line that names the fault", arguments: cases)
    func message(_ example: Case) async {
        let transcript = Transcript()
        let status = await SctlMain.run(arguments: example.arguments, console: transcript.console)
        #expect(status == example.status)
        #expect(transcript.out == "")
        #expect(transcript.error.hasPrefix("level=fatal msg=\"\(example.message)"), "\(transcript.error)")
        #expect(transcript.error.hasSuffix("\"\n"))
        #expect(transcript.error.split(separator: "\n").count == 1)
    }

    @Test("An unknown command is exit 3", arguments: [["bogus"], ["apps", "bogus"], ["-a", "h:1", "node", "bogus"]])
    func unknownCommand(_ arguments: [String]) async {
        let transcript = Transcript()
        let status = await SctlMain.run(arguments: arguments, console: transcript.console)
        #expect(status == .unknownCommand)
        #expect(status.rawValue == 3)
        #expect(transcript.error == "No help topic for 'bogus'\n")
    }

    @Test("All errors of the app file are reported together, each with the file's name")
    func appFile() async {
        let transcript = Transcript(input: #"{"name": "Bad_Name", "services": [{"name": "web", "colour": "red"}]}"#)
        let status = await transcript.sctl("apps", "create", "-f", "-")
        #expect(status == .badAppFile)
        let lines = transcript.error.split(separator: "\n")
        #expect(lines.count >= 3, "name, unknown member, missing image: \(transcript.error)")
        for line in lines { #expect(line.hasPrefix("level=fatal msg=\"error loading config: stdin: ")) }
        #expect(transcript.error.contains("services[0].colour"))
    }

    @Test("On a terminal an error has the logger's terminal form")
    func terminal() async {
        let transcript = Transcript(terminal: TerminalSize(columns: 80, rows: 24))
        _ = await transcript.sctl("apps", "delete")
        #expect(transcript.error.hasPrefix("FATA[0000] you must specify an application name"))
    }
}
