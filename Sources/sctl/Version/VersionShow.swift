import ArgumentParser
import StellarAPI

struct VersionShow: Verb {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the versions of sctl, of the daemon and of its containerd.",
        usage: "sctl [global options] version [--client]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Flag(name: .long, help: "Print the version of sctl alone; asks no daemon.")
    var client = false

    func run() async throws {
        // The client's part stands even where the daemon does not answer.
        if client || globals.output == .table { printClient() }
        guard !client else { return }
        let daemon = try await withClient { try await $0.version() }
        switch globals.output {
        case .table: console.writeOut(Self.text(daemon))
        case .json: console.print(Self.json(daemon).rendered())
        }
    }

    private func printClient() {
        switch globals.output {
        case .table: console.writeOut("Client:\n" + Self.line("Version", BuildInformation.version))
        case .json: console.print(Self.json(nil).rendered())
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

    private static func json(_ daemon: VersionVersionResponse?) -> JSONText {
        var members = JSONMembers()
        members.add("client_version", BuildInformation.version)
        if let daemon {
            members.add("version", daemon.version)
            members.add("revision", daemon.revision)
            members.add("containerd_version", daemon.containerdVersion)
            members.add("containerd_revision", daemon.containerdRevision)
        }
        return members.text
    }
}
