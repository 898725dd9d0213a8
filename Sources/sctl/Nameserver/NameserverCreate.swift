import ArgumentParser
import StellarAPI
import StellarCore

struct NameserverCreate: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "create",
        abstract: "Give a name one record; what it had is replaced.",
        usage: "sctl [global options] nameserver create <name> <value> [--type <type>]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var record: RecordTypeOption
    @OptionGroup var waiting: WaitOption

    @Option(name: .long, help: "SRV: the port.")
    var port: UInt16?

    @Option(name: .long, help: "SRV: the service, such as web.")
    var service: String?

    @Option(name: .long, help: "SRV: tcp, udp or http.")
    var `protocol` = "tcp"

    @Option(name: .long, help: "SRV: lower is tried first.")
    var priority: UInt16 = 0

    @Option(name: .long, help: "SRV: the share among equals.")
    var weight: UInt16 = 0

    @Argument(help: ArgumentHelp("The name, such as db.stellar.", valueName: "name"))
    var name: String?

    @Argument(help: ArgumentHelp("An address for A, a name for CNAME, MX and SRV, a text for TXT.", valueName: "value"))
    var value: String?

    func validate() throws { _ = try checked }

    private var checked: Record {
        get throws {
            guard let name, let value, !name.isEmpty, !value.isEmpty else {
                throw ValidationError("you must enter a name and value")
            }
            guard let kind = Record.Kind(name: record.type) else {
                throw ValidationError("unsupported record type \"\(record.type)\"")
            }
            if kind == .a, IPv4Address(value) == nil {
                throw ValidationError("\(value) is not an IPv4 address, which an A record holds (such as 172.16.0.10)")
            }
            return Record(type: kind, name: name, value: value, options: try options(of: kind))
        }
    }

    private func options(of kind: Record.Kind) throws -> Record.SRVOptions? {
        guard kind == .srv else {
            if port != nil || service != nil {
                throw ValidationError("--port and --service are for SRV records; add --type SRV")
            }
            return nil
        }
        guard let port, let service else {
            throw ValidationError("an SRV record needs --port and --service")
        }
        return .init(service: service, protocol: `protocol`, priority: priority, weight: weight, port: port)
    }

    func run() async throws {
        let record = try checked
        try await withClient { try await $0.nameserver.create(record.name, [NameserverRecord(record)]) }
        console.print("added \(record.name)=\(record.value) (\(self.record.type))")
        try await wait(waiting)
    }
}
