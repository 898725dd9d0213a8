import ArgumentParser
import StellarAPI

struct ClusterImages: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "images",
        abstract: "List the images of all nodes.",
        usage: "sctl [global options] cluster images"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let response = try await withClient { try await $0.cluster.images() }
        let images = response.images.sorted { $0.id < $1.id }
        switch globals.output {
        case .table: console.writeOut(ImagesList.table(images))
        case .json: console.print(images.jsonText)
        }
        console.noteMissing(response.missing)
    }
}
