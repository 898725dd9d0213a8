import FoundationEssentials
public import StellarCore
import SwiftProtobuf

extension ClusterNode {
    /// Creates a message with the id, address and labels of a node.
    public init(_ node: Node) {
        self.init()
        id = node.id
        address = node.address
        labels = node.labels.dictionary
    }
}

extension Node {
    /// Creates the node of a message.
    public init(_ message: ClusterNode) {
        self.init(id: message.id, address: message.address, labels: Labels(message.labels))
    }
}

extension NameserverRecordType {
    /// Creates the number of a type.
    public init(_ kind: Record.Kind) {
        switch kind {
        case .a: self = .a
        case .cname: self = .cname
        case .mx: self = .mx
        case .txt: self = .txt
        case .srv: self = .srv
        }
    }
}

extension Record.Kind {
    /// Creates the type of a number.
    ///
    /// - Throws: `RecordError` for UNKNOWN and for unknown numbers.
    public init(_ type: NameserverRecordType) throws(RecordError) {
        switch type {
        case .a: self = .a
        case .cname: self = .cname
        case .mx: self = .mx
        case .txt: self = .txt
        case .srv: self = .srv
        case .unknown: throw RecordError("the record has no type; set A, CNAME, MX, TXT or SRV")
        case .UNRECOGNIZED(let number):
            throw RecordError("\(number) is not a record type (A 1, CNAME 2, MX 3, TXT 4, SRV 5)")
        }
    }
}

extension NameserverRecord {
    /// Creates the message of a record. SRV options are an Any with Go's JSON.
    public init(_ record: Record) {
        self.init()
        type = NameserverRecordType(record.type)
        name = record.name
        value = record.value
        if let srv = record.options {
            options.typeURL = Record.SRVOptions.typeURL
            options.value = Data(srv.goJSON)
        }
    }
}

extension Record {
    /// Creates the record of a message without checking name and value; `Record.validate()` checks them. It drops the
    /// options of records other than SRV, which have no meaning.
    ///
    /// - Throws: `RecordError` for a wrong type or wrong options. The daemon responds with `invalidArgument`.
    public init(_ message: NameserverRecord) throws(RecordError) {
        let kind = try Kind(message.type)
        self.init(type: kind, name: message.name, value: message.value)
        guard kind == .srv, message.hasOptions, !message.options.typeURL.isEmpty else { return }
        guard message.options.typeURL == SRVOptions.typeURL else {
            let url = message.options.typeURL.prefix(80)
            throw RecordError(
                "the options of SRV record \(message.name) have the type \"\(url)\"; use \"\(SRVOptions.typeURL)\""
            )
        }
        options = try SRVOptions(goJSON: Array(message.options.value))
    }
}

extension Record.SRVOptions {
    /// The type URL of the original's Go type.
    public static let typeURL = "stellar.io/services/nameserver/types.SRVOptions"
    /// The most bytes of the options.
    private static let maximumSize = 4096

    /// The options as the JSON of the original's Go:
    /// `{"Service":"web","Protocol":"http","Priority":0,"Weight":0,"Port":80}`.
    public var goJSON: [UInt8] {
        var members = ObjectBuilder()
        members.add("Service", .string(service))
        members.add("Protocol", .string(`protocol`))
        members.add("Priority", .number("\(priority)"))
        members.add("Weight", .number("\(weight)"))
        members.add("Port", .number("\(port)"))
        return Array(members.node.text(indented: false).utf8)
    }

    /// Decodes that JSON as Go does: names match in any case, missing members are zero, unknown members are ignored.
    ///
    /// - Throws: `RecordError` for JSON that Go cannot decode either.
    public init(goJSON bytes: [UInt8]) throws(RecordError) {
        guard let node = try? JSONReader.read(bytes, maximumSize: Self.maximumSize),
            case .object(let members) = node.value
        else { throw RecordError("the options of the SRV record are not a JSON object") }
        func value(_ name: String) -> JSONNode.Value {
            members.last { $0.name.lowercased() == name.lowercased() }?.node.value ?? .null
        }
        func text(_ name: String) throws(RecordError) -> String {
            switch value(name) {
            case .string(let text): return text
            case .null: return ""
            default: throw RecordError("\(name) in the options of the SRV record is not a string")
            }
        }
        func number(_ name: String) throws(RecordError) -> UInt16 {
            switch value(name) {
            case .null: return 0
            case .number(let text):
                if let number = UInt16(text) { return number }
                fallthrough
            default: throw RecordError("\(name) in the options of the SRV record is not a number from 0 to 65535")
            }
        }
        self.init(
            service: try text("Service"),
            protocol: try text("Protocol"),
            priority: try number("Priority"),
            weight: try number("Weight"),
            port: try number("Port")
        )
    }
}
