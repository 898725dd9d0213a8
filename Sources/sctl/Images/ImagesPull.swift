import ArgumentParser
import StellarAPI

struct ImagesPull: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "pull",
        abstract: "Pull an image and unpack it, on the node that answers.",
        usage: "sctl [global options] images pull <image> [--snapshotter <snapshotter>] [--progress <form>]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var progress: ProgressOption

    @Option(name: .long, help: "Unpack for this snapshotter. (default: the daemon's)")
    var snapshotter = ""

    @Argument(help: ArgumentHelp("The full reference, such as docker.io/library/redis:alpine.", valueName: "image"))
    var image: String?

    func validate() throws { _ = try ImageReference.required(image) }

    func run() async throws {
        let image = try ImageReference.required(image)
        let reporter = ProgressReporter(console: console, mode: progress.progress)
        try await withClient(limit: nil) { client in
            let snapshotter = snapshotter
            try await reporter.run(outlivesUs: false) {
                try await client.node.pullImage(image, snapshotter: snapshotter) { reporter.report(ProgressEvent($0)) }
            }
        }
        console.print("\(image) pulled")
    }
}

/// How a long command shows how far it is.
struct ProgressOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "auto (a display on a terminal, lines elsewhere), plain (lines) or none. Goes to stderr.",
            valueName: "form"
        )
    )
    var progress: ProgressReporter.Mode = .auto
}

extension ProgressReporter.Mode: ExpressibleByArgument {}
