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

    private var prefixFile: String { "\(directory)/prefix" }

    /// Makes the folder. It says what the names begin with, so that whoever cleans up has to name the folder alone.
    func makeDirectory() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try prefix.write(toFile: prefixFile, atomically: true, encoding: .utf8)
    }

    /// What an earlier run has made, as its folders say; nil where there is nothing.
    func present() -> StellarCluster? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return nil }
        var earlier = self
        if let prefix = try? String(contentsOfFile: prefixFile, encoding: .utf8) { earlier.prefix = prefix }
        return earlier.cluster(of: (names.compactMap { Int($0) }.max() ?? -1) + 1)
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
