import ArgumentParser

struct ImagesGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images",
        abstract: "Images of the node that answers.",
        subcommands: [ImagesList.self, ImagesPull.self, ImagesDelete.self]
    )
}

/// An image reference.
enum ImageReference {
    static func required(_ reference: String?) throws -> String {
        guard let reference, !reference.isEmpty else {
            throw ValidationError("you must specify an image, such as docker.io/library/redis:alpine")
        }
        return reference
    }
}
