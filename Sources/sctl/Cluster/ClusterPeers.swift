import ArgumentParser
import Glibc
import StellarAPI
import StellarCore
import SwiftProtobuf

struct ClusterPeers: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "peers",
        abstract: "List configured and remembered peers with the last connection error.",
        usage: "sctl [global options] cluster peers"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let peers = try await withClient { try await $0.cluster.peers() }.sorted { left, right in
            left.declared == right.declared ? left.address < right.address : left.declared
        }
        switch globals.output {
        case .table: console.writeOut(Self.table(peers, now: Int64(time(nil))))
        case .json: console.print(peers.jsonText)
        }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ peers: [ClusterPeer], now: Int64) -> String {
        var table = Table("PEER", "DECLARED", "NODE", "STATUS", "LAST TRY", "NEXT TRY", "LAST ERROR")
        for peer in peers {
            table.add(
                peer.address,
                peer.declared ? "yes" : "no",
                peer.node,
                peer.status,
                peer.hasLastTry ? peer.lastTry.ago(now: now) : "",
                peer.hasNextTry ? peer.nextTry.ahead(now: now) : "",
                peer.lastError
            )
        }
        return table.text
    }
}

extension Google_Protobuf_Timestamp {
    /// `2 minutes ago`, `now`.
    ///
    /// - Parameter now: seconds since 1970.
    func ago(now: Int64) -> String {
        let text = RelativeTime.format(span(to: now))
        return text == "now" ? text : "\(text) ago"
    }

    /// `in 2 minutes`, `now`.
    func ahead(now: Int64) -> String {
        let text = RelativeTime.format(.zero - span(to: now))
        return text == "now" ? text : "in \(text)"
    }

    private func span(to now: Int64) -> Duration {
        let (span, overflow) = now.subtractingReportingOverflow(seconds)
        return .seconds(overflow ? 0 : span)
    }
}
