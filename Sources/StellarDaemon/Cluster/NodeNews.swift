import Logging
import StellarGossip

/// What the log says of a change in the cluster.
struct NodeNews: Sendable {
    var level: Logger.Level
    var text: String
    var metadata: Logger.Metadata = [:]

    init(missed count: Int) {
        self.init(level: .warning, text: "\(count) changes of the cluster came too fast for this log")
    }

    init(_ event: GossipNodeEvent) {
        switch event {
        case .joined(let member):
            self.init(level: .info, text: "a node joined", metadata: Self.metadata(member))
        case .left(let member):
            self.init(level: .info, text: "a node left", metadata: Self.metadata(member))
        case .failed(let member):
            self.init(
                level: .warning,
                text: "a node is dead: it answered no pings and did not object in time",
                metadata: Self.metadata(member)
            )
        case .updated(let member):
            self.init(level: .info, text: "a node changed", metadata: Self.metadata(member))
        case .conflict(let member, let other):
            self.init(
                level: .error,
                text: "two live nodes have one name; give one of them another with --node-name",
                metadata: Self.metadata(member).merging(["other": "\(other)"]) { $1 }
            )
        case .resumed(let span):
            self.init(
                level: .warning,
                text: "this daemon did not run for a while; nobody is blamed for that time",
                metadata: ["seconds": "\(span.components.seconds)"]
            )
        }
    }

    private init(level: Logger.Level, text: String, metadata: Logger.Metadata = [:]) {
        self.level = level
        self.text = text
        self.metadata = metadata
    }

    private static func metadata(_ member: MemberStatus) -> Logger.Metadata {
        ["node": "\(member.name)", "address": "\(member.endpoint)"]
    }
}
