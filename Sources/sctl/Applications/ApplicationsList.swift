import ArgumentParser
import StellarAPI

struct ApplicationsList: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the apps.",
        usage: "sctl [global options] applications list"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let apps = try await withClient { try await $0.application.list() }
        switch globals.output {
        case .table: console.writeOut(Self.table(apps))
        case .json: console.print(apps.jsonText)
        }
    }

    /// SERVICES counts containers, as in the original. An app is `running` when all of its containers do; a daemon that
    /// reports no status leaves that column empty.
    static func table(_ apps: [ApplicationApp]) -> String {
        var table = Table("NAME", "SERVICES", "STATUS")
        for app in apps.sorted(by: { $0.name < $1.name }) {
            table.add(app.name, "\(app.services.count)", status(of: app))
        }
        return table.text
    }

    private static func status(of app: ApplicationApp) -> String {
        let known = app.services.filter(\.hasStatus)
        guard !known.isEmpty else { return "" }
        let running = known.count { $0.status.state == "running" }
        return running == app.services.count ? "running" : "\(running) of \(app.services.count) running"
    }
}
