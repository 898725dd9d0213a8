import ArgumentParser
import StellarAPI

struct NameserverGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nameserver",
        abstract: "DNS records that the cluster answers for.",
        subcommands: [NameserverList.self, NameserverCreate.self, NameserverDelete.self]
    )
}

/// A record type as people write it.
struct RecordTypeOption: ParsableArguments {
    @Option(
        name: [.long, .customShort("t")],
        help: ArgumentHelp("A, CNAME, TXT, SRV or MX.", valueName: "type"),
        completion: .list(["A", "CNAME", "TXT", "SRV", "MX"])
    )
    var type = "A"

    func validate() throws { _ = try recordType }

    var recordType: NameserverRecordType {
        get throws {
            guard let known = NameserverRecordType(text: type) else {
                throw ValidationError("unsupported record type \"\(type)\"")
            }
            return known
        }
    }
}

extension NameserverRecordType {
    /// In any case.
    init?(text: String) {
        switch text.uppercased() {
        case "A": self = .a
        case "CNAME": self = .cname
        case "MX": self = .mx
        case "TXT": self = .txt
        case "SRV": self = .srv
        default: return nil
        }
    }

    var text: String {
        switch self {
        case .a: "A"
        case .cname: "CNAME"
        case .mx: "MX"
        case .txt: "TXT"
        case .srv: "SRV"
        case .unknown: "UNKNOWN"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}
