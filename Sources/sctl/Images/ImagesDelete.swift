import ArgumentParser
import StellarAPI

struct ImagesDelete: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "delete",
        abstract: "Remove an image. Containers made of it go on.",
        usage: "sctl [global options] images delete <image>"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Argument(help: ArgumentHelp("The full reference, such as docker.io/library/redis:alpine.", valueName: "image"))
    var image: String?

    func validate() throws { _ = try ImageReference.required(image) }

    func run() async throws {
        let image = try ImageReference.required(image)
        try await withClient { try await $0.node.deleteImage(image) }
        console.print("\(image) deleted")
    }
}
