import ArgumentParser
import Glibc
import StellarAPI
import SwiftProtobuf

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
        case .table: console.writeOut(Self.table(apps, now: Int64(time(nil))))
        case .json: console.print(apps.jsonText)
        }
    }

    /// SERVICES counts containers, as in the original. An app is `running` when all of its containers do; a daemon that
    /// reports no status leaves that column empty. LAST SEEN is when all its nodes were last known to be alive.
    ///
    /// - Parameter now: seconds since 1970.
    static func table(_ apps: [ApplicationApp], now: Int64) -> String {
        var table = Table("NAME", "SERVICES", "STATUS", "LAST SEEN")
        for app in apps.sorted(by: { $0.name < $1.name }) {
            table.add(app.name, "\(app.services.count)", status(of: app), lastSeen(app, now: now))
        }
        return table.text
    }

    private static func status(of app: ApplicationApp) -> String {
        let known = app.services.filter(\.hasStatus)
        guard !known.isEmpty else { return "" }
        let running = known.count { $0.status.state == "running" }
        let away = Dictionary(grouping: known.filter(\.status.isAway), by: \.node).sorted { $0.key < $1.key }
        let waits = away.map { node, slots in "\(slots.count) on \(node) (\(slots[0].status.nodeStatus))" }
        let state = running == app.services.count ? "running" : "\(running) of \(app.services.count) running"
        return ([state] + waits).joined(separator: ", ")
    }

    private static func lastSeen(_ app: ApplicationApp, now: Int64) -> String {
        let known = app.services.filter(\.hasStatus)
        guard known.contains(where: { !$0.status.nodeStatus.isEmpty }) else { return "" }
        let away = known.filter(\.status.isAway)
        guard !away.isEmpty else { return "now" }
        guard let oldest = away.filter(\.status.hasNodeLastSeen).map(\.status.nodeLastSeen.seconds).min() else {
            return "unknown"
        }
        return Google_Protobuf_Timestamp.with { $0.seconds = oldest }.ago(now: now)
    }
}

extension RuntimeReplicaStatus {
    /// Its node is not there, so what it does is not known.
    var isAway: Bool { !["", "alive", "suspect"].contains(nodeStatus) }
}
