// The messages about the state of a node (SWIM section 4; memberlist, `state.go`), from another node or the node
// itself. Of two messages the one with the higher incarnation applies, and only the node itself raises its incarnation.

/// The versions that a node understands (memberlist's `Vsn`): of the membership protocol, then of its application.
public struct ProtocolVersions: Sendable, Hashable {
    public var minimum: UInt8
    public var maximum: UInt8
    public var current: UInt8
    public var delegateMinimum: UInt8
    public var delegateMaximum: UInt8
    public var delegateCurrent: UInt8

    /// The versions of this implementation and of a memberlist node with its defaults: 1 to 5, speaking 2.
    public static let ours = ProtocolVersions(minimum: 1, maximum: 5, current: 2)

    /// The first version that answers pings on streams.
    public static let streamPing: UInt8 = 3
    /// The first version that knows negative acknowledgements.
    public static let negativeAcknowledgement: UInt8 = 4
    /// The first version that knows checksums.
    public static let checksum: UInt8 = 5

    public init(minimum: UInt8, maximum: UInt8, current: UInt8) {
        self.minimum = minimum
        self.maximum = maximum
        self.current = current
        delegateMinimum = 0
        delegateMaximum = 0
        delegateCurrent = 0
    }

    /// - Returns: nil unless there are six bytes.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == 6 else { return nil }
        let first = bytes.startIndex
        self.init(minimum: bytes[first], maximum: bytes[first + 1], current: bytes[first + 2])
        delegateMinimum = bytes[first + 3]
        delegateMaximum = bytes[first + 4]
        delegateCurrent = bytes[first + 5]
    }

    var bytes: [UInt8] { [minimum, maximum, current, delegateMinimum, delegateMaximum, delegateCurrent] }

    /// Whether the range is valid; otherwise the whole message must be ignored.
    var isSound: Bool { minimum > 0 && maximum > 0 && minimum <= maximum }
}

/// A node is alive, at this address.
public struct Alive: Sendable, Hashable {
    public var node: String
    public var incarnation: UInt32
    public var address: WireAddress
    public var port: UInt16
    public var metadata: [UInt8]
    public var versions: ProtocolVersions?

    public init(
        node: String,
        incarnation: UInt32,
        address: WireAddress,
        port: UInt16,
        metadata: [UInt8] = [],
        versions: ProtocolVersions? = .ours
    ) {
        self.node = node
        self.incarnation = incarnation
        self.address = address
        self.port = port
        self.metadata = metadata
        self.versions = versions
    }
}

/// A node did not answer `from`.
public struct Suspect: Sendable, Hashable {
    public var node: String
    public var incarnation: UInt32
    public var from: String

    public init(node: String, incarnation: UInt32, from: String) {
        self.node = node
        self.incarnation = incarnation
        self.from = from
    }
}

/// A node is dead; if it is the sender itself (`from` is `node`), it left.
public struct Dead: Sendable, Hashable {
    public var node: String
    public var incarnation: UInt32
    public var from: String

    public init(node: String, incarnation: UInt32, from: String) {
        self.node = node
        self.incarnation = incarnation
        self.from = from
    }
}

extension Alive {
    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.alive)
        writer.map(6)
        writer.key("Addr")
        writer.byteArray(address.bytes)
        writer.key("Incarnation")
        writer.unsigned(incarnation)
        writer.key("Meta")
        writer.byteArray(metadata)
        writer.key("Node")
        writer.string(node)
        writer.key("Port")
        writer.unsigned(port)
        writer.key("Vsn")
        writer.byteArray(versions?.bytes ?? [])
        return writer.bytes
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        var message = Alive(node: "", incarnation: 0, address: .none, port: 0, versions: nil)
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Addr": message.address = try reader.address()
            case "Incarnation": message.incarnation = try reader.uint32()
            case "Meta": message.metadata = try reader.metadata()
            case "Node": message.node = try reader.nodeName()
            case "Port": message.port = try reader.uint16()
            case "Vsn": message.versions = ProtocolVersions(try reader.byteSlice(maximum: 6))
            default: return false
            }
            return true
        }
        self = message
    }
}

extension Suspect {
    func encoded() -> [UInt8] { encodedClaim(.suspect, node: node, incarnation: incarnation, from: from) }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(node: "", incarnation: 0, from: "")
        (node, incarnation, from) = try claim(&reader)
    }
}

extension Dead {
    func encoded() -> [UInt8] { encodedClaim(.dead, node: node, incarnation: incarnation, from: from) }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(node: "", incarnation: 0, from: "")
        (node, incarnation, from) = try claim(&reader)
    }
}

private func encodedClaim(_ type: MessageType, node: String, incarnation: UInt32, from: String) -> [UInt8] {
    var writer = MessagePackWriter(type)
    writer.map(3)
    writer.key("From")
    writer.string(from)
    writer.key("Incarnation")
    writer.unsigned(incarnation)
    writer.key("Node")
    writer.string(node)
    return writer.bytes
}

private func claim(_ reader: inout MessagePackReader) throws(WireError) -> (String, UInt32, String) {
    var (node, incarnation, from) = ("", UInt32(0), "")
    try reader.fields { (reader, key) throws(WireError) in
        switch key {
        case "Node": node = try reader.nodeName()
        case "Incarnation": incarnation = try reader.uint32()
        case "From": from = try reader.nodeName()
        default: return false
        }
        return true
    }
    return (node, incarnation, from)
}
