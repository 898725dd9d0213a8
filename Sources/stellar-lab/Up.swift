import ArgumentParser
import FoundationEssentials
import Glibc
import StellarTestKit

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts a cluster and leaves it up. Removes an earlier one in the same folder first."
    )

    @OptionGroup var lab: Lab

    @Option(help: "The number of hosts, 1 to 250.")
    var nodes = 3

    @Option(help: "none, shared (one for all hosts) or each (one per host).")
    var containerd = StellarCluster.Containerd.each

    @Flag(help: "Push no images to the lab's registry.")
    var withoutImages = false

    @Argument(parsing: .captureForPassthrough, help: "More flags of every stellar server.")
    var flags: [String] = []

    func validate() throws {
        // The flags of the server capture these, too.
        guard !flags.contains(where: { ["-h", "--help"].contains($0) }) else { throw CleanExit.helpRequest(self) }
        guard (1...250).contains(nodes) else { throw ValidationError("--nodes must be 1 to 250, not \(nodes)") }
    }

    func run() async throws {
        try await checkMachine()
        if lab.present() != nil {
            print("lab: removing the earlier one")
            try await lab.clean()
        }
        try lab.makeDirectory()
        let cluster = lab.cluster(of: nodes, containerd: containerd)
        do {
            try await start(cluster)
        } catch {
            for node in cluster.nodes where !node.tailOfLog().isEmpty {
                print("--- \(node.name)\n\(node.tailOfLog(lines: 10))---")
            }
            // Report the error of the start, not one of the clean-up.
            try? await lab.clean()
            throw error
        }
        print(description(of: cluster))
        // The cluster outlives this program: a return would end the fixtures and their processes.
        fflush(nil)
        Glibc.exit(0)
    }

    private func checkMachine() async throws {
        var needs = [Requirement.root, .netns]
        if containerd != .none { needs += [.containerd, .cni, .registry, .busybox, .redis] }
        for need in needs where await !need.isMet() {
            throw ValidationError("this machine lacks \(need.name): \(need.remedy)")
        }
    }

    private func start(_ cluster: StellarCluster) async throws {
        try await cluster.make()
        if containerd != .none, !withoutImages {
            try await cluster.pushRedis()
            _ = try await cluster.push("library/busybox", .busybox())
        }
        for node in cluster.nodes {
            node.flags = (node === cluster.nodes[0] ? [] : ["--peer", cluster.nodes[0].address]) + flags
            try node.launch()
            try remember(node)
        }
        for node in cluster.nodes { try await node.responds() }
    }

    /// Writes a script that starts the daemon again, and the id of its process.
    private func remember(_ node: StellarCluster.Node) throws {
        let words = node.command.map { "'\($0.replacing("'", with: "'\\''"))'" }
        let script = """
            #!/bin/sh
            # Starts the daemon of \(node.name) in the background.
            DOCKER_CONFIG='\(node.directory)/docker' setsid \(words.joined(separator: " ")) \\
                < /dev/null >> '\(node.log)' 2>&1 &
            echo $! > '\(node.directory)/pid'

            """
        let path = try node.file("start", script)
        chmod(path, 0o700)
        _ = try node.file("pid", "\(node.daemon?.pid ?? 0)\n")
    }

    private func description(of cluster: StellarCluster) -> String {
        let sctl = BuiltProduct.path("sctl")
        var lines = [
            "A cluster of \(nodes) is up, in network namespaces; it does not reach this machine's network.", "",
        ]
        lines += cluster.nodes.map { "\($0.name)  \($0.address)  \(sctl) --addr \($0.socket) cluster nodes" }
        let node = cluster.nodes[cluster.nodes.count > 1 ? 1 : 0]
        let (directory, hub) = (node.directory, cluster.hub)
        if containerd != .none, !withoutImages {
            lines += [
                "",
                "Its registry has docker.io/library/redis:alpine and docker.io/library/busybox, and no other image:",
                "  \(sctl) --addr \(node.socket) apps create -f Examples/example.conf",
            ]
        }
        lines += ["", "Faults of \(node.name), for example:"]
        var table = [
            ("kill -9 $(cat \(directory)/pid)", "kill the daemon"),
            ("\(directory)/start", "start it again"),
            ("ip -n \(hub) link set \(node.port) nomaster down", "pull the cable"),
            ("ip -n \(hub) link set \(node.port) master bridge up", "plug it in again"),
            ("tail -f \(node.log)", "its log"),
            ("nsenter --net=/run/netns/\(node.namespace) sh", "a shell in its network namespace"),
        ]
        if let containerd = node.containerd {
            table.append(("ctr -a \(containerd.address) -n \(node.containerdNamespace) tasks ls", "its containers"))
        }
        let width = table.map(\.0.count).max() ?? 0
        lines += table.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))  # \($0.1)" }
        return lines.joined(separator: "\n")
    }
}
