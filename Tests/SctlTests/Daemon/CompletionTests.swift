import Glibc
import StellarTestKit
import Testing

@testable import sctl

/// The completion scripts in real shells.
@Suite("Completion in real shells", .timeLimit(.minutes(10)))
struct CompletionTests {
    /// The typed text, the expected completions, and the words that must not be offered.
    static let lines: [(String, [String], [String])] = [
        ("sctl a", ["applications", "apps"], ["cluster"]),
        ("sctl apps ", ["list", "create", "inspect"], ["cluster"]),
        ("sctl applications in", ["inspect"], ["list"]),
        ("sctl --addr 127.0.0.1:9000 cluster ", ["nodes", "health"], ["cluster"]),
        ("sctl apps create --fi", ["--file"], ["--progress"]),
        ("sctl -o ", ["table", "json"], ["apps"]),
        ("sctl completion f", ["fish"], ["bash"]),
    ]

    private func script(_ shell: String) async -> String {
        let transcript = Transcript()
        #expect(await transcript.sctl("completion", shell) == .ok)
        return transcript.out
    }

    @Test("bash", arguments: lines)
    func bash(_ line: String, _ offered: [String], _ absent: [String]) async throws {
        // Like readline: the words, the index of the current one, and the function with the command, the current and
        // the previous word.
        let call = """

            read -ra COMP_WORDS <<< "$0"
            case $0 in *" ") COMP_WORDS+=("") ;; esac
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$0 COMP_POINT=${#0}
            _sctl sctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let result = try await ChildProcess.run("bash", ["-c", await script("bash") + call, line])
        check(result, offered, absent)
    }

    @Test("fish", .enabled(if: Self.has("fish")), arguments: lines)
    func fish(_ line: String, _ offered: [String], _ absent: [String]) async throws {
        let call = "\ncomplete -C $argv[1] | string split -f1 \\t"
        let result = try await ChildProcess.run("fish", ["--no-config", "-c", await script("fish") + call, line])
        check(result, offered, absent)
    }

    @Test("zsh takes the script", .enabled(if: Self.has("zsh")))
    func zsh() async throws {
        let result = try await ChildProcess.run("zsh", ["-f", "-n", "-c", await script("zsh")])
        #expect(result.status == 0)
        #expect(result.errors == "")
    }

    private func check(_ result: ChildProcess.Result, _ offered: [String], _ absent: [String]) {
        let words = result.output.split(whereSeparator: \.isWhitespace).map(String.init)
        for word in offered { #expect(words.contains(word), "\(result)") }
        for word in absent { #expect(!words.contains(word), "\(result)") }
        #expect(result.errors == "")
    }

    private static func has(_ shell: String) -> Bool {
        ["/usr/bin", "/bin"].contains { access("\($0)/\(shell)", X_OK) == 0 }
    }
}
