import ArgumentParser
import Glibc
import StellarAPI
import SwiftProtobuf

struct ClusterQuarantineList: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the writes that nodes keep aside.",
        usage: "sctl [global options] cluster quarantine list",
        discussion: "WRITE is what counts if it is accepted: a value of so many bytes, or a delete."
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let response = try await withClient { try await $0.cluster.quarantine() }
        switch globals.output {
        case .table: console.writeOut(Self.table(response.writes, now: Int64(time(nil))))
        case .json: console.print(response.jsonText())
        }
        for complaint in response.nodes.complaints { console.note(complaint.singleLine) }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ writes: [ClusterQuarantined], now: Int64) -> String {
        var table = Table("KEY", "BUCKET", "WRITE", "WRITTEN", "NODES", "ID", "REASON")
        for write in writes {
            let isLater = write.written.seconds > now
            table.add(
                write.key,
                write.bucket,
                write.deletes ? "delete" : "\(write.size) bytes",
                isLater ? write.written.ahead(now: now) : write.written.ago(now: now),
                write.nodes.joined(separator: ", "),
                write.id,
                write.reason
            )
        }
        return table.text
    }
}
