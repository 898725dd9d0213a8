import ArgumentParser
import StellarAPI

struct NodeContainersList: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the node's containers.",
        usage: "sctl [global options] node containers list [--filter <filter> ...]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var filter: ContainerFilter

    func run() async throws {
        let containers = try await withClient { try await $0.node.containers(filters: filter.filter) }
        let sorted = containers.sorted { ReplicaName($0.id) < ReplicaName($1.id) }
        switch globals.output {
        case .table: console.writeOut(Self.table(sorted))
        case .json: console.print(sorted.jsonText)
        }
    }

    static func table(_ containers: [RuntimeContainer]) -> String {
        var table = Table("ID", "IMAGE", "RUNTIME", "STATUS")
        for container in containers {
            table.add(container.id, container.image, container.runtime, container.task.text)
        }
        return table.text
    }
}
