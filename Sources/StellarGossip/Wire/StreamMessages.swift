// The messages of streams only (memberlist, `net.go`): the push/pull, and the error.

/// The state of a node as its peers see it (memberlist's `NodeStateType`).
public enum NodeState: UInt8, Sendable, Hashable, CaseIterable {
    case alive = 0
    case suspect = 1
    case dead = 2
    case left = 3
}

/// The header of a push/pull: how much follows.
public struct PushPullHeader: Sendable, Hashable {
    public var nodes: Int
    /// Bytes of the application's state, which follows the nodes.
    public var userStateLength: Int
    /// Whether the sender joins with this push/pull.
    public var isJoin: Bool

    public init(nodes: Int, userStateLength: Int, isJoin: Bool) {
        self.nodes = nodes
        self.userStateLength = userStateLength
        self.isJoin = isJoin
    }
}

/// One node of a push/pull.
public struct PushPullNode: Sendable, Hashable {
    public var name: String
    public var address: WireAddress
    public var port: UInt16
    public var metadata: [UInt8]
    public var incarnation: UInt32
    public var state: NodeState
    public var versions: ProtocolVersions?

    public init(
        name: String,
        address: WireAddress,
        port: UInt16,
        metadata: [UInt8] = [],
        incarnation: UInt32,
        state: NodeState,
        versions: ProtocolVersions? = .ours
    ) {
        self.name = name
        self.address = address
        self.port = port
        self.metadata = metadata
        self.incarnation = incarnation
        self.state = state
        self.versions = versions
    }
}

/// The response of a peer that could not decode the message of a stream.
public struct RemoteFailure: Sendable, Hashable {
    public var text: String

    public init(_ text: String) {
        self.text = text
    }
}

extension PushPullHeader {
    func encode(to writer: inout MessagePackWriter) {
        writer.map(3)
        writer.key("Join")
        writer.bool(isJoin)
        writer.key("Nodes")
        writer.signed(nodes)
        writer.key("UserStateLen")
        writer.signed(userStateLength)
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        self.init(nodes: 0, userStateLength: 0, isJoin: false)
        var message = self
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Nodes": message.nodes = Int(try reader.unsigned(maximum: UInt64(WireLimits.nodesPerPushPull)))
            case "UserStateLen":
                message.userStateLength = Int(try reader.unsigned(maximum: UInt64(WireLimits.streamState)))
            case "Join": message.isJoin = try reader.bool()
            default: return false
            }
            return true
        }
        self = message
    }
}

extension PushPullNode {
    func encode(to writer: inout MessagePackWriter) {
        writer.map(7)
        writer.key("Addr")
        writer.byteArray(address.bytes)
        writer.key("Incarnation")
        writer.unsigned(incarnation)
        writer.key("Meta")
        writer.byteArray(metadata)
        writer.key("Name")
        writer.string(name)
        writer.key("Port")
        writer.unsigned(port)
        writer.key("State")
        writer.signed(Int(state.rawValue))
        writer.key("Vsn")
        writer.byteArray(versions?.bytes ?? [])
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        var message = PushPullNode(name: "", address: .none, port: 0, incarnation: 0, state: .alive, versions: nil)
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Addr": message.address = try reader.address()
            case "Incarnation": message.incarnation = try reader.uint32()
            case "Meta": message.metadata = try reader.metadata()
            case "Name": message.name = try reader.nodeName()
            case "Port": message.port = try reader.uint16()
            case "State":
                let value = UInt8(truncatingIfNeeded: try reader.unsigned(maximum: 255))
                guard let state = NodeState(rawValue: value) else { throw .outOfRange }
                message.state = state
            case "Vsn": message.versions = ProtocolVersions(try reader.byteSlice(maximum: 6))
            default: return false
            }
            return true
        }
        self = message
    }
}

/// The whole state of a node, as each side of a push/pull sends it.
public struct PushPull: Sendable, Hashable {
    public var nodes: [PushPullNode]
    public var isJoin: Bool
    /// The application's state; Serf has its clocks here.
    public var userState: [UInt8] = []
    /// Why received nodes are missing in ``nodes``: an invalid name does not affect the other nodes.
    public var refused: [WireError] = []

    public init(nodes: [PushPullNode], isJoin: Bool, userState: [UInt8] = []) {
        self.nodes = nodes
        self.isJoin = isJoin
        self.userState = userState
    }

    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.pushPull)
        PushPullHeader(nodes: nodes.count, userStateLength: userState.count, isJoin: isJoin).encode(to: &writer)
        for node in nodes { node.encode(to: &writer) }
        return writer.bytes + userState
    }

    /// Decodes the bytes after the type byte.
    ///
    /// - Throws: `truncated` while it is incomplete.
    init(from reader: inout MessagePackReader) throws(WireError) {
        let header = try PushPullHeader(from: &reader)
        var nodes: [PushPullNode] = []
        var refused: [WireError] = []
        for _ in 0..<header.nodes {
            var next = reader
            do throws(WireError) {
                nodes.append(try PushPullNode(from: &next))
                reader = next
            } catch {
                guard error == .name || error == .metadata else { throw error }
                refused.append(error)
                try reader.skip()
            }
        }
        guard reader.remaining >= header.userStateLength else { throw .truncated }
        self.init(nodes: nodes, isJoin: header.isJoin, userState: Array(reader.rest.prefix(header.userStateLength)))
        self.refused = refused
    }
}

extension RemoteFailure {
    func encoded() -> [UInt8] {
        var writer = MessagePackWriter(.failure)
        writer.map(1)
        writer.key("Error")
        writer.string(text)
        return writer.bytes
    }

    init(from reader: inout MessagePackReader) throws(WireError) {
        var text = ""
        try reader.fields { (reader, key) throws(WireError) in
            guard key == "Error" else { return false }
            text = try reader.string(maximum: WireLimits.failureText)
            return true
        }
        self.init(text)
    }
}
