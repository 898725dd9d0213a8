// The messages of the failure detector (SWIM section 3.1; Lifeguard section IV).
//
// Each type encodes its fields sorted by name, as go-msgpack encodes structs.

/// Requests an acknowledgement from a node.
public struct Ping: Sendable, Hashable {
    public var sequence: UInt32
    /// The name of the target: a node that took over the address of another must not answer in its place.
    public var node: String
    /// Where the acknowledgement goes; with ``WireAddress/none``, to the sender of the datagram.
    public var sourceAddress: WireAddress = .none
    public var sourcePort: UInt16 = 0
    public var sourceNode = ""

    public init(sequence: UInt32, node: String) {
        self.sequence = sequence
        self.node = node
    }
}

/// Requests a node to ping another one and to relay the acknowledgement.
public struct IndirectPing: Sendable, Hashable {
    public var sequence: UInt32
    public var target: WireAddress
    public var port: UInt16
    public var node: String
    /// Whether the sender wants a ``NegativeAcknowledgement`` if the target does not answer.
    public var wantsNack: Bool
    public var sourceAddress: WireAddress = .none
    public var sourcePort: UInt16 = 0
    public var sourceNode = ""

    public init(sequence: UInt32, target: WireAddress, port: UInt16, node: String, wantsNack: Bool) {
        self.sequence = sequence
        self.target = target
        self.port = port
        self.node = node
        self.wantsNack = wantsNack
    }
}

/// The response to a ping, from the node itself or through a helper.
public struct Acknowledgement: Sendable, Hashable {
    public var sequence: UInt32
    /// The application's bytes; coordinates in Serf.
    public var payload: [UInt8] = []

    public init(sequence: UInt32) {
        self.sequence = sequence
    }
}

/// A nack: the helper is alive, and the target did not answer it.
public struct NegativeAcknowledgement: Sendable, Hashable {
    public var sequence: UInt32

    public init(sequence: UInt32) {
        self.sequence = sequence
    }
}

extension Ping {
    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.ping)
        writer.map(2 + sourceFields(sourceAddress, sourcePort, sourceNode))
        writer.key("Node")
        writer.string(node)
        writer.key("SeqNo")
        writer.unsigned(sequence)
        writer.source(sourceAddress, sourcePort, sourceNode)
        return writer.bytes
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(sequence: 0, node: "")
        var message = self
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Node": message.node = try reader.nodeName()
            case "SeqNo": message.sequence = try reader.uint32()
            case "SourceAddr": message.sourceAddress = try reader.address()
            case "SourcePort": message.sourcePort = try reader.uint16()
            case "SourceNode": message.sourceNode = try reader.nodeName()
            default: return false
            }
            return true
        }
        self = message
    }
}

extension IndirectPing {
    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.indirectPing)
        writer.map(5 + sourceFields(sourceAddress, sourcePort, sourceNode))
        writer.key("Nack")
        writer.bool(wantsNack)
        writer.key("Node")
        writer.string(node)
        writer.key("Port")
        writer.unsigned(port)
        writer.key("SeqNo")
        writer.unsigned(sequence)
        writer.source(sourceAddress, sourcePort, sourceNode)
        writer.key("Target")
        writer.byteArray(target.bytes)
        return writer.bytes
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(sequence: 0, target: .none, port: 0, node: "", wantsNack: false)
        var message = self
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Nack": message.wantsNack = try reader.bool()
            case "Node": message.node = try reader.nodeName()
            case "Port": message.port = try reader.uint16()
            case "SeqNo": message.sequence = try reader.uint32()
            case "SourceAddr": message.sourceAddress = try reader.address()
            case "SourcePort": message.sourcePort = try reader.uint16()
            case "SourceNode": message.sourceNode = try reader.nodeName()
            case "Target": message.target = try reader.address()
            default: return false
            }
            return true
        }
        self = message
    }
}

extension Acknowledgement {
    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.acknowledgement)
        writer.map(2)
        writer.key("Payload")
        writer.byteArray(payload)
        writer.key("SeqNo")
        writer.unsigned(sequence)
        return writer.bytes
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(sequence: 0)
        var message = self
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Payload": message.payload = try reader.byteArray(maximum: WireLimits.payload)
            case "SeqNo": message.sequence = try reader.uint32()
            default: return false
            }
            return true
        }
        self = message
    }
}

extension NegativeAcknowledgement {
    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.negativeAcknowledgement)
        writer.map(1)
        writer.key("SeqNo")
        writer.unsigned(sequence)
        return writer.bytes
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(sequence: 0)
        var message = self
        try reader.fields { (reader, key) throws(WireError) in
            guard key == "SeqNo" else { return false }
            message.sequence = try reader.uint32()
            return true
        }
        self = message
    }
}

/// How many of the three fields about the sender are written: empty ones are omitted.
private func sourceFields(_ address: WireAddress, _ port: UInt16, _ node: String) -> Int {
    (address.isEmpty ? 0 : 1) + (port == 0 ? 0 : 1) + (node.isEmpty ? 0 : 1)
}

extension MessagePackWriter {
    fileprivate mutating func source(_ address: WireAddress, _ port: UInt16, _ node: String) {
        if !address.isEmpty {
            key("SourceAddr")
            byteArray(address.bytes)
        }
        if !node.isEmpty {
            key("SourceNode")
            string(node)
        }
        if port != 0 {
            key("SourcePort")
            unsigned(port)
        }
    }
}
