public import ArgumentParser
import FoundationEssentials
public import StellarTestKit

/// Where the cluster lies, and what its names begin with: all that is needed to find it again from another process.
struct Lab: ParsableArguments {
    @Option(help: "Everything of it is in this folder, which must not be there before.")
    var directory = "/var/lib/stellar-lab"

    @Option(help: "Begins the names of its network namespaces.")
    var prefix = "stllab"

    func cluster(of count: Int, containerd: StellarCluster.Containerd = .none) -> StellarCluster {
        StellarCluster(count: count, containerd: containerd, directory: directory, prefix: prefix)
    }

    /// What an earlier run has made, as its folders say; nil where there is nothing.
    func present() -> StellarCluster? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return nil }
        return cluster(of: (names.compactMap { Int($0) }.max() ?? -1) + 1)
    }

    /// How often what does not go is tried again: a shim that is being killed holds its mount for a moment.
    static let attempts = 50

    /// - Throws: where something is left.
    func clean() async throws {
        guard let cluster = present() else { return }
        for _ in 0..<Self.attempts {
            await cluster.remove()
            try? FileManager.default.removeItem(atPath: directory)
            guard FileManager.default.fileExists(atPath: directory) else { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw ValidationError(
            "something of it is still in use, below \(directory); find it with: fuser -vm \(directory)"
        )
    }
}

extension StellarCluster.Containerd: ExpressibleByArgument {}
