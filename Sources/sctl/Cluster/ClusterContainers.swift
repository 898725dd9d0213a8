import ArgumentParser
import StellarAPI

struct ClusterContainers: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "containers",
        abstract: "List the containers of all nodes.",
        usage: "sctl [global options] cluster containers [--filter <filter> ...]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var filter: ContainerFilter

    func run() async throws {
        let response = try await withClient { try await $0.cluster.containers(filters: filter.filter) }
        let sorted = response.containers.sorted { ReplicaName($0.container.id) < ReplicaName($1.container.id) }
        switch globals.output {
        case .table: console.writeOut(Self.table(sorted))
        case .json: console.print(sorted.jsonText)
        }
        console.noteMissing(response.missing)
    }

    static func table(_ containers: [ClusterContainer]) -> String {
        var table = Table("ID", "IMAGE", "RUNTIME", "NODE", "STATUS")
        for item in containers {
            table.add(
                item.container.id,
                item.container.image,
                item.container.runtime,
                item.node.id,
                item.container.task.text
            )
        }
        return table.text
    }
}

/// Which containers to list.
struct ContainerFilter: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "List only what matches this containerd filter, such as 'labels.\"stellar.io/application\"==example'. May be repeated: one has to match.",
            valueName: "filter"
        )
    )
    var filter: [String] = []
}

extension Console {
    /// Names the nodes whose share is missing from the result.
    func noteMissing(_ nodes: [ClusterNode]) {
        for node in nodes.sorted(by: { $0.id < $1.id }) {
            note("without those of \(node.id) (\(node.statusText)): \(node.reason)".singleLine)
        }
    }
}

extension RuntimeContainer.Task {
    /// `running (pid 4711)`, `stopped (exit code 1)`; an original daemon reports the pid alone.
    var text: String {
        switch status {
        case "": pid == 0 ? "" : "running (pid \(pid))"
        case "stopped": "stopped (exit code \(exitStatus))"
        default: pid == 0 ? status : "\(status) (pid \(pid))"
        }
    }
}
