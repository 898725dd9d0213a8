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

    func clean() async {
        guard let cluster = present() else { return }
        await cluster.remove()
        try? FileManager.default.removeItem(atPath: directory)
    }
}

extension StellarCluster.Containerd: ExpressibleByArgument {}
