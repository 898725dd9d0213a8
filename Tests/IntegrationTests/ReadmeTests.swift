import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// Runs the commands of the original's README, in its order, on real parts.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .redis), .timeLimit(.minutes(20)))
struct ReadmeTests {
    @Test func theOriginalsReadmeWorks() async throws {
        try await StellarHost.with { host in
            let root = #filePath.replacing("/Tests/IntegrationTests/ReadmeTests.swift", with: "")
            try await ChildProcess.check(
                "\(root)/scripts/make-image.sh",
                ["\(host.registry.host)/library/redis:alpine"]
            )
            let before = try await host.leftovers()

            let nodes = try await host.sctl("cluster", "nodes")
            // Columns are as wide as their longest cell: compare the headings without spaces.
            let headings = nodes.prefix { $0 != "\n" }.split(separator: "  ").map { $0.filter { $0 != " " } }
            #expect(headings.prefix(6) == ["NAME", "ADDR", "OS", "UPTIME", "CPUS", "MEMORY(USED)"], "\(nodes)")
            #expect(nodes.contains(host.address) && nodes.contains("Linux ("))

            let file = "\(root)/Examples/example.conf"
            #expect(try await host.sctl("apps", "create", "-f", file) == "")

            let list = try await host.sctl("apps", "list").split(separator: "\n")
            #expect(list.first?.hasPrefix("NAME                SERVICES") == true)
            #expect(list.dropFirst().first?.hasPrefix("example             1") == true)

            let inspect = try await host.sctl("apps", "inspect", "example")
            let readme = """
                Name: example

                Services:
                  Name: example.redis
                  Image: docker.io/library/redis:alpine
                  Runtime: io.containerd.runtime.v1.linux
                  Snapshotter: overlayfs
                  Labels:
                """
            #expect(inspect.hasPrefix(readme), "\(inspect)")
            let labels = [
                "containerd.io/restart.status=running", "stellar.io/application=example", "stellar.io/network=true",
            ]
            let positions = labels.compactMap { inspect.firstRange(of: $0)?.lowerBound }
            #expect(positions.count == labels.count && positions == positions.sorted(), "\(inspect)")

            let records = try await host.sctl("nameserver", "list")
            let row = try #require(
                records.split(separator: "\n").first { $0.hasPrefix("example.redis.stellar") && $0.contains(" A ") },
                "\(records)"
            )
            let cells = row.split(separator: " ")
            #expect(cells.count == 4 && cells[3] == "nil", "\(row)")

            try await resolvesByName(host, address: String(cells[2]))
            try await agreesWithContainerd(host)

            #expect(try await host.sctl("apps", "delete", "example") == "example deleted\n")
            let after = try await eventually("nothing is left") { () -> String? in
                let now = try await host.leftovers()
                return now == before ? now : nil
            }
            #expect(after == before)
        }
    }

    /// The names resolve to the address, and redis responds there.
    private func resolvesByName(_ host: StellarHost, address: String) async throws {
        let gateway = try await gateway(of: host)
        for name in ["example.redis.0.stellar", "example.redis.stellar", "EXAMPLE.Redis.stellar"] {
            let found = try await ChildProcess.check("dig", ["+short", "+time=20", "@\(gateway)", name])
            #expect(found == "\(address)\n", "\(name)")
        }
        try await eventually("redis responds") {
            try await ChildProcess.run("redis-cli", ["-h", address, "ping"]).output == "PONG\n" ? true : nil
        }
    }

    /// `ctr` shows the container as the daemon does.
    private func agreesWithContainerd(_ host: StellarHost) async throws {
        #expect(try await host.containerd.ctr("tasks", "ls").contains("RUNNING"))
        #expect(try await host.containerd.ctr("images", "check").contains("complete"))
        let information = try await host.containerd.ctr("containers", "info", "example.redis.0")
        #expect(information.contains("stellar.io/extensions/Service"))
        // containerd's restart monitor would restart a container with this label.
        #expect(information.contains("stellar.io/restart") && !information.contains("containerd.io/restart."))
    }

    private func gateway(of host: StellarHost) async throws -> String {
        let line = try await ChildProcess.check("ip", ["-o", "-4", "address", "show", "dev", host.bridge])
        let words = line.split(separator: " ")
        let address = try #require(words.firstIndex(of: "inet").map { words[$0 + 1] })
        return String(address.prefix { $0 != "/" })
    }
}
