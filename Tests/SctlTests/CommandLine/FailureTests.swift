import StellarRPC
import Testing

@testable import sctl

@Suite("Errors as they are printed")
struct FailureTests {
    @Test("An error of the daemon has the words of the original")
    func remote() {
        let failure = Failure(RPCError(.notFound, "application x not found"))
        #expect(failure.messages == ["rpc error: code = NotFound desc = application x not found"])
        #expect(failure.status == .notFound)
    }

    @Test(
        "Codes and exit codes",
        arguments: [
            (RPCCode.notFound, SctlExit.notFound), (.unavailable, .unavailable), (.deadlineExceeded, .timedOut),
            (.alreadyExists, .conflict), (.failedPrecondition, .conflict), (.aborted, .conflict),
            (.permissionDenied, .denied), (.unauthenticated, .denied), (.unknown, .failure), (.internalError, .failure),
            (.invalidArgument, .failure), (.resourceExhausted, .failure),
        ]
    )
    func codes(_ code: RPCCode, _ status: SctlExit) {
        #expect(SctlExit(code) == status)
    }

    @Test("A quote, a backslash or an escape sequence cannot break the line")
    func quoting() {
        let line = LogLine.fatal("a \"b\" \\ c\nd \u{1B}[31m", terminal: false)
        #expect(line == #"level=fatal msg="a \"b\" \\ c\nd \#u{FFFD}[31m""#)
        #expect(LogLine.fatal("a\nb\u{1B}[2J", terminal: true) == "FATA[0000] a b\u{FFFD}[2J")
    }
}
