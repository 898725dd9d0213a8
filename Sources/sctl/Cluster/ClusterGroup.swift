import ArgumentParser

struct ClusterGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "What all nodes are and have.",
        subcommands: [
            ClusterNodes.self, ClusterInfo.self, ClusterStatus.self, ClusterHealth.self, ClusterContainers.self,
            ClusterImages.self, ClusterPeers.self, ClusterRTT.self, ClusterKeysGroup.self,
            ClusterQuarantineGroup.self, ClusterLeave.self, ClusterForget.self,
        ]
    )
}
