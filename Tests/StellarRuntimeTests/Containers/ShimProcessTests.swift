import Testing

@testable import StellarRuntime

struct ShimProcessTests {
    private func shim(_ line: String) -> ShimProcess? {
        ShimProcess(
            pid: 7,
            line.split(separator: " ").map { String($0) },
            namespace: "default",
            address: "/run/c.sock"
        )
    }

    @Test func bothVersionsAreParsedFromTheirCommandLine() {
        let second = shim("/usr/bin/containerd-shim-runc-v2 -namespace default -id a.b.0 -address /run/c.sock")
        #expect(second?.container == "a.b.0" && second?.role == .server)
        #expect(second?.runtime == "io.containerd.runc.v2")
        let first = shim("containerd-shim -namespace default -workdir /var/x/default/a.b.0 -address /run/c.sock -debug")
        #expect(first?.container == "a.b.0" && first?.role == .server)
        #expect(first?.runtime == "io.containerd.runtime.v1.linux")
    }

    @Test(arguments: ["start", "-bundle /run/x/a.b.0 delete"])
    func startAndDeleteArePassing(_ end: String) {
        let line = "/usr/bin/containerd-shim-runc-v2 -namespace default -address /run/c.sock -id a.b.0 \(end)"
        #expect(shim(line)?.container == "a.b.0" && shim(line)?.role == .passing)
    }

    @Test(arguments: [
        "/usr/bin/containerd-shim-runc-v2 -namespace other -id a.b.0 -address /run/c.sock",
        "/usr/bin/containerd-shim-runc-v2 -namespace default -id a.b.0 -address /run/other.sock",
        "grep containerd-shim -namespace default -id a.b.0 -address /run/c.sock",
        "/usr/bin/containerd-shim-runc-v2 -namespace default -address /run/c.sock -id",
        "",
    ])
    func otherCommandLinesAreIgnored(_ line: String) {
        #expect(shim(line) == nil)
    }
}
