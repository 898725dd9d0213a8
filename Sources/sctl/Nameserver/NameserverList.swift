import ArgumentParser
import StellarAPI
import StellarCore
import SwiftProtobuf

struct NameserverList: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the DNS records.",
        usage: "sctl [global options] nameserver list [--type <type>]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Option(
        name: [.long, .customShort("t")],
        help: ArgumentHelp("List only this type: A, CNAME, TXT, SRV or MX.", valueName: "type")
    )
    var type: String?

    func validate() throws {
        if let type, NameserverRecordType(text: type) == nil {
            throw ValidationError("unsupported record type \"\(type)\"")
        }
    }

    func run() async throws {
        let wanted = type.flatMap { NameserverRecordType(text: $0) }
        let records = try await withClient { try await $0.nameserver.list() }
            .filter { wanted == nil || $0.type == wanted }
        let sorted = Self.sorted(records)
        switch globals.output {
        case .table: console.writeOut(Self.table(sorted))
        case .json: console.print(sorted.jsonText)
        }
    }

    static func table(_ records: [NameserverRecord]) -> String {
        var table = Table("NAME", "TYPE", "VALUE", "OPTIONS")
        for record in records { table.add(record.name, record.type.text, record.value, options(of: record)) }
        return table.text
    }

    /// A service before its replicas, addresses before what else a name has: the row of the original's README comes first.
    static func sorted(_ records: [NameserverRecord]) -> [NameserverRecord] {
        let keyed = records.map { record in
            (key: record.name.split(separator: ".").map(LabelKey.init), record: record)
        }
        return keyed.sorted { left, right in
            if left.key != right.key { return left.key.lexicographicallyPrecedes(right.key) }
            if left.record.type != right.record.type { return left.record.type.rawValue < right.record.type.rawValue }
            return left.record.value < right.record.value
        }.map(\.record)
    }

    /// What SRV says beside its target; nil, as in the original's README, for all others.
    private static func options(of record: NameserverRecord) -> String {
        guard record.hasOptions else { return "nil" }
        guard let options = try? Record(record).options else { return record.options.typeURL }
        return "\(options)"
    }
}

/// One label of a name, in the order of the list: words, then numbers by value.
private struct LabelKey: Comparable {
    let number: UInt32?
    let text: Substring

    init(_ text: Substring) {
        self.text = text
        number = UInt32(text)
    }

    static func < (left: LabelKey, right: LabelKey) -> Bool {
        switch (left.number, right.number) {
        case (nil, .some): true
        case (.some, nil): false
        case (let left?, let right?): left < right
        case (nil, nil): left.text < right.text
        }
    }
}
