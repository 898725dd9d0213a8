import ArgumentParser
import Glibc
import StellarAPI
import StellarCore

struct ImagesList: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the node's images.",
        usage: "sctl [global options] images list"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let images = try await withClient { try await $0.node.images() }.sorted { $0.id < $1.id }
        switch globals.output {
        case .table: console.writeOut(Self.table(images))
        case .json: console.print(images.jsonText)
        }
    }

    static func table(_ images: [RuntimeImage]) -> String {
        var table = Table("IMAGE", "DIGEST", "SIZE")
        for image in images {
            table.add(image.id, image.digest, HumanSize.format(UInt64(max(0, image.size))))
        }
        return table.text
    }
}
