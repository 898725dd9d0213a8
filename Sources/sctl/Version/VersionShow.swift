import ArgumentParser
import StellarAPI

struct VersionShow: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "version",
        abstract: "Print the versions of sctl, of the daemon and of its containerd.",
        usage: "sctl [global options] version [--client]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Flag(name: .long, help: "Print the version of sctl alone; asks no daemon.")
    var client = false

    mutating func setDefaults() { client = false }

    func run() async throws {
        // The client's part stands even where the daemon does not answer.
        if client || globals.output == .table { printClient() }
        guard !client else { return }
        let daemon = try await withClient { try await $0.version() }
        switch globals.output {
        case .table: console.writeOut(Self.text(daemon))
        case .json: console.print(daemon.jsonText())
        }
    }

    private func printClient() {
        switch globals.output {
        case .table: console.writeOut("Client:\n" + Self.line("Version", BuildInformation.version))
        case .json: console.print(VersionVersionResponse().jsonText())
        }
    }

    static func text(_ daemon: VersionVersionResponse) -> String {
        var out = "Daemon:\n" + line("Version", daemon.version)
        if !daemon.revision.isEmpty { out += line("Revision", daemon.revision) }
        out += "Containerd:\n" + line("Version", daemon.containerdVersion)
        if !daemon.containerdRevision.isEmpty { out += line("Revision", daemon.containerdRevision) }
        return out
    }

    private static func line(_ name: String, _ value: String) -> String { "  \(name): \(value.singleLine)\n" }
}

/// With sctl's own version; what no daemon said is left out.
extension VersionVersionResponse: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "client_version": BuildInformation.version, "version": version, "revision": revision,
            "containerd_version": containerdVersion, "containerd_revision": containerdRevision,
        ]
    }
}
