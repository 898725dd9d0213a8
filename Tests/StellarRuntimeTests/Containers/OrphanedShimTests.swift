import Testing

@testable import StellarRuntime

struct OrphanedShimTests {
    private func isShim(_ line: String) -> Bool {
        OrphanedShim.isShim(
            line.split(separator: " ").map { String($0) },
            container: "a.b.0",
            namespace: "default",
            address: "/run/c.sock"
        )
    }

    @Test func bothKindsAreKnownByTheirCommandLine() {
        #expect(isShim("/usr/bin/containerd-shim-runc-v2 -namespace default -id a.b.0 -address /run/c.sock"))
        #expect(isShim("containerd-shim -namespace default -workdir /var/x/default/a.b.0 -address /run/c.sock -debug"))
    }

    @Test(arguments: [
        "/usr/bin/containerd-shim-runc-v2 -namespace default -id a.b.01 -address /run/c.sock",
        "/usr/bin/containerd-shim-runc-v2 -namespace other -id a.b.0 -address /run/c.sock",
        "/usr/bin/containerd-shim-runc-v2 -namespace default -id a.b.0 -address /run/other.sock",
        "grep containerd-shim -namespace default -id a.b.0 -address /run/c.sock",
        "containerd-shim -namespace default -workdir /var/x/a.b.0/more -address /run/c.sock",
        "/usr/bin/containerd-shim-runc-v2 -namespace default -address /run/c.sock -id",
        "",
    ])
    func nobodyElseIs(_ line: String) {
        #expect(!isShim(line))
    }
}
