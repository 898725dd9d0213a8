import ArgumentParser
import StellarAPI
import StellarCore
import SwiftProtobuf

struct ClusterRTT: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "rtt",
        abstract: "Show the round trips between all nodes.",
        usage: "sctl [global options] cluster rtt",
        discussion: """
            Each row is what one node has measured: the time that its pings to the node of the column take there and \
            back, smoothed. A cell stays empty until there was such a ping: nodes ping one other at a time.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let rows = try await withClient { try await $0.cluster.roundTrips() }.sorted { $0.node < $1.node }
        switch globals.output {
        case .table: console.writeOut(Self.table(rows))
        case .json: console.print(rows.jsonText)
        }
        for row in rows where !row.error.isEmpty { console.note("\(row.node): \(row.error)".singleLine) }
    }

    /// A row and a column for each node.
    static func table(_ rows: [ClusterRoundTripRow]) -> String {
        let names = Set(rows.map(\.node) + rows.flatMap { $0.roundTrips.map(\.node) }).sorted()
        var table = Table(["FROM \\ TO"] + names, minimumWidth: 0)
        for row in rows {
            var cells = [row.node]
            for name in names {
                let measured = row.roundTrips.first { $0.node == name }
                cells.append(name == row.node ? "-" : measured.map { Self.text($0) } ?? "")
            }
            table.add(cells)
        }
        return table.text
    }

    /// `412µs`, `1.234ms`: no cell needs nanoseconds.
    private static func text(_ measured: ClusterRoundTrip) -> String {
        let microseconds = Int64(measured.roundTrip.nanos / 1000)
        let (seconds, overflow) = measured.roundTrip.seconds.multipliedReportingOverflow(by: 1_000_000)
        return GoDuration.format(.microseconds(overflow ? 0 : seconds &+ microseconds))
    }
}
