public import ArgumentParser
import FoundationEssentials
public import StellarTestKit

/// The folder of a cluster and the prefix of its names: enough to find it from another process.
struct Lab: ParsableArguments {
    @Option(help: "The folder of all its files; it must not exist before.")
    var directory = "/var/lib/stellar-lab"

    @Option(help: "The start of the names of its network namespaces.")
    var prefix = "stllab"

    func cluster(of count: Int, containerd: StellarCluster.Containerd = .none) -> StellarCluster {
        StellarCluster(count: count, containerd: containerd, directory: directory, prefix: prefix)
    }

    private var prefixFile: String { "\(directory)/prefix" }

    /// Makes the folder and stores the prefix in it, so that a clean-up needs only the folder.
    func makeDirectory() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try prefix.write(toFile: prefixFile, atomically: true, encoding: .utf8)
    }

    /// The cluster of an earlier run, from its folders; nil without one.
    func present() -> StellarCluster? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return nil }
        var earlier = self
        if let prefix = try? String(contentsOfFile: prefixFile, encoding: .utf8) { earlier.prefix = prefix }
        return earlier.cluster(of: (names.compactMap { Int($0) }.max() ?? -1) + 1)
    }

    /// Attempts to remove it: a shim that is being killed holds its mount for a moment.
    static let attempts = 50

    /// Removes the cluster.
    ///
    /// - Throws: if something is left.
    func clean() async throws {
        guard let cluster = present() else { return }
        for _ in 0..<Self.attempts {
            await cluster.remove()
            try? FileManager.default.removeItem(atPath: directory)
            guard FileManager.default.fileExists(atPath: directory) else { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw ValidationError(
            "cannot remove \(directory): it is in use; find the processes with: fuser -vm \(directory)"
        )
    }
}

extension StellarCluster.Containerd: ExpressibleByArgument {}
