import FoundationEssentials
public import StellarCore
import SwiftProtobuf

extension ClusterNode {
    /// The node's id, address and labels.
    public init(_ node: Node) {
        self.init()
        id = node.id
        address = node.address
        labels = node.labels.dictionary
    }
}

extension Node {
    /// The node of a message.
    public init(_ message: ClusterNode) {
        self.init(id: message.id, address: message.address, labels: Labels(message.labels))
    }
}

extension NameserverRecordType {
    /// The number of a type.
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
    /// The type of a number.
    ///
    /// - Throws: ``StellarCore/RecordError`` for UNKNOWN and for numbers of no type.
    public init(_ type: NameserverRecordType) throws(RecordError) {
        switch type {
        case .a: self = .a
        case .cname: self = .cname
        case .mx: self = .mx
        case .txt: self = .txt
        case .srv: self = .srv
        case .unknown: throw RecordError("the record has no type; set A, CNAME, MX, TXT or SRV")
        case .UNRECOGNIZED(let number):
            throw RecordError("\(number) is no record type (A 1, CNAME 2, MX 3, TXT 4, SRV 5)")
        }
    }
}

extension NameserverRecord {
    /// The record, SRV options as an Any with Go's JSON.
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
    /// The record of a message. Options of records other than SRV mean nothing and are dropped. Name and value are not
    /// looked at; see ``StellarCore/Record/validate()``.
    ///
    /// - Throws: ``StellarCore/RecordError``; the code for it is `invalidArgument`.
    public init(_ message: NameserverRecord) throws(RecordError) {
        let kind = try Kind(message.type)
        self.init(type: kind, name: message.name, value: message.value)
        guard kind == .srv, message.hasOptions, !message.options.typeURL.isEmpty else { return }
        guard message.options.typeURL == SRVOptions.typeURL else {
            let url = message.options.typeURL.prefix(80)
            throw RecordError("the options of an SRV record are a \"\(SRVOptions.typeURL)\", not a \"\(url)\"")
        }
        options = try SRVOptions(goJSON: Array(message.options.value))
    }
}

extension Record.SRVOptions {
    /// The type URL of the original's Go type.
    public static let typeURL = "stellar.io/services/nameserver/types.SRVOptions"
    /// Longer is no options object.
    private static let maximumSize = 4096

    /// The JSON that the original's Go writes: `{"Service":"web","Protocol":"http","Priority":0,"Weight":0,"Port":80}`.
    public var goJSON: [UInt8] {
        var members = ObjectBuilder()
        members.add("Service", .string(service))
        members.add("Protocol", .string(`protocol`))
        members.add("Priority", .number("\(priority)"))
        members.add("Weight", .number("\(weight)"))
        members.add("Port", .number("\(port)"))
        return Array(members.node.text(indented: false).utf8)
    }

    /// Reads that JSON: members in any case, absent ones zero, others ignored, as Go does.
    ///
    /// - Throws: ``StellarCore/RecordError`` for what Go would not read either.
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
