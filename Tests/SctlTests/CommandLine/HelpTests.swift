import Testing

@testable import sctl

@Suite("Help")
struct HelpTests {
    @Test(
        "A bare group, help and h print the help of their level",
        arguments: [
            (["apps"], "USAGE: sctl applications"), (["apps", "help"], "USAGE: sctl applications"),
            (["apps", "h"], "USAGE: sctl applications"), (["h", "apps"], "USAGE: sctl applications"),
            (["node", "containers"], "USAGE: sctl node containers"), ([], "USAGE: sctl [global options] <command>"),
            (["help"], "USAGE: sctl [global options] <command>"),
            (["apps", "create"], "USAGE: sctl [global options] applications create"),
            (["apps", "delete", "-h"], "USAGE: sctl [global options] applications delete"),
            (["help", "cluster", "nodes"], "USAGE: sctl [global options] cluster nodes"),
        ]
    )
    func levels(_ arguments: [String], _ usage: String) async {
        let transcript = Transcript()
        let status = await SctlMain.run(arguments: arguments, console: transcript.console)
        #expect(status == .ok)
        #expect(transcript.out.contains(usage), "\(transcript.out)")
        #expect(transcript.error == "")
    }

    @Test("The root's help lists every exit code")
    func exitCodes() async {
        let transcript = Transcript()
        _ = await transcript.sctl("--help")
        for status in SctlExit.allCases {
            #expect(transcript.out.contains("  \(status.rawValue) "), "\(status)")
        }
    }

    @Test("The version is one line", arguments: [["-v"], ["--version"], ["apps", "list", "-v"]])
    func version(_ arguments: [String]) async {
        let transcript = Transcript()
        let status = await SctlMain.run(arguments: arguments, console: transcript.console)
        #expect(status == .ok)
        #expect(transcript.out.hasPrefix("sctl version "))
        #expect(transcript.out.split(separator: "\n").count == 1)
    }

    @Test("Completion scripts know the commands", arguments: ["bash", "zsh", "fish"])
    func completion(_ shell: String) async {
        let transcript = Transcript()
        #expect(await transcript.sctl("completion", shell) == .ok)
        for word in ["applications", "nameserver", "inspect"] { #expect(transcript.out.contains(word)) }
    }

    @Test("A global option's value is not taken for a command")
    func valueOfGlobalOption() {
        #expect(CommandTopics.find(["-a", "apps", "bogus"]) == .unknown("bogus"))
        #expect(CommandTopics.find(["--addr=apps", "bogus"]) == .unknown("bogus"))
        for option in ["-a", "-Da", "--addr"] {
            #expect(
                CommandTopics.find([option, "bogus", "apps", "list", "-D"])
                    == .parse(path: ["applications", "list"], arguments: [option, "bogus", "-D"])
            )
        }
    }

    @Test("Words after a command are its arguments, even the word help")
    func wordsOfTheCommand() {
        #expect(
            CommandTopics.find(["apps", "delete", "help"])
                == .parse(path: ["applications", "delete"], arguments: ["help"])
        )
    }

    @Test("An option at the end that lacks its value is left to the parser", arguments: ["-a", "--addr"])
    func missingValue(_ option: String) {
        #expect(CommandTopics.find([option]) == .parse(path: [], arguments: [option]))
    }
}
