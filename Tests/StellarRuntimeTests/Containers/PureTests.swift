import FoundationEssentials
import Logging
import StellarRPC
import Testing

@testable import StellarRuntime

struct RuntimeNameTests {
    @Test func legacyRuntimesAreUsedWhereTheyExist() {
        let linux = "io.containerd.runtime.v1.linux"
        #expect(RuntimeName.resolve(linux, hasLinux: true, major: 1) == linux)
        #expect(RuntimeName.resolve(linux, hasLinux: false, major: 1) == "io.containerd.runc.v2")
        #expect(RuntimeName.resolve("io.containerd.runc.v1", hasLinux: false, major: 1) == "io.containerd.runc.v1")
        #expect(RuntimeName.resolve("io.containerd.runc.v1", hasLinux: false, major: 2) == "io.containerd.runc.v2")
        #expect(RuntimeName.resolve("", hasLinux: true, major: 1) == "io.containerd.runc.v2")
        #expect(RuntimeName.resolve("io.containerd.kata.v2", hasLinux: false, major: 2) == "io.containerd.kata.v2")
    }

    @Test(arguments: zip(["1.6.20~ds1", "v2.1.4", "2.0.0-rc.1", "dev", ""], [1, 2, 2, nil, nil]))
    func majorVersion(text: String, major: Int?) {
        #expect(RuntimeVersion(version: text, revision: "").major == major)
    }
}

struct SignalNameTests {
    @Test(
        arguments: zip(
            ["SIGTERM", "quit", "9", "SIGRTMIN+3", "RTMAX-1", "SIGWINCH", "0", "65", "SIGRTMIN+31", "SIGNAL", ""],
            [15, 3, 9, 37, 63, 28, nil, nil, nil, nil, nil]
        )
    )
    func numbers(text: String, number: Int32?) {
        #expect(SignalName.number(text) == number)
    }

    @Test func exitStatusHoldsTheSignal() {
        #expect(ExitStatus(code: 137, exitedAt: .now).signal == 9)
        #expect(ExitStatus(code: 128, exitedAt: .now).signal == nil)
        #expect(ExitStatus(code: 255, exitedAt: .now).signal == nil)
    }
}

struct LogNameTests {
    @Test func outputAndErrorsAreTwoNamesOfOneFile() {
        let names = ContainerRuntime.outputs("/var/log/x")
        #expect(names.stdout == "/var/log/x")
        #expect(names.stderr == "/./var/log/x")
    }
}

struct DeadlineTests {
    @Test func deadlinesOfContainerdAreDeadlines() {
        let runtime = ContainerRuntime(address: "/run/no/such.sock", namespace: "x", logger: Logger(label: "x"))
        func code(_ code: RPCCode, _ text: String) -> RPCCode {
            runtime.explained(RPCError(code, text), about: "it").code
        }
        #expect(code(.unknown, "context deadline exceeded: unknown") == .deadlineExceeded)
        #expect(code(.deadlineExceeded, "") == .deadlineExceeded)
        #expect(code(.unknown, "something else") == .unknown)
        #expect(code(.notFound, "context deadline exceeded") == .notFound)
    }
}

struct ExplainedErrorTests {
    /// containerd 1.6's error when its runtime of version 1 is disabled: it then loads no task service at all.
    @Test func aMissingContainerdServiceIsNamedWithTheFix() async {
        let runtime = ContainerRuntime(address: "/run/x.sock", namespace: "x", logger: Logger(label: "test"))
        let error = RPCError(.unimplemented, "unknown service containerd.services.tasks.v1.Tasks")
        let explained = runtime.explained(error, about: "container \"a.b.0\"")
        #expect(explained.code == .unimplemented)
        #expect(explained.message.hasPrefix("container \"a.b.0\": containerd at /run/x.sock"))
        #expect(explained.message.contains("containerd.services.tasks.v1.Tasks"))
        #expect(explained.message.contains("ctr plugins ls"))
        await runtime.close()
    }
}

struct HostFactsTests {
    @Test func boundingSetIsParsedFromTheMask() {
        #expect(HostFacts.boundingSet(ofStatus: "Name:\tx\nCapBnd:\t0000000000000021\n") == ["CAP_CHOWN", "CAP_KILL"])
        #expect(HostFacts.boundingSet(ofStatus: "CapBnd:\tnonsense\n") == [])
    }
}
