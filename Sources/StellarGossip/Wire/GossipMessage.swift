/// A message of a datagram.
public enum GossipMessage: Sendable, Hashable {
    case ping(Ping)
    case indirectPing(IndirectPing)
    case acknowledgement(Acknowledgement)
    case negativeAcknowledgement(NegativeAcknowledgement)
    case suspect(Suspect)
    case alive(Alive)
    case dead(Dead)
    /// The application's own message, opaque here.
    case user([UInt8])

    public func encoded() -> [UInt8] {
        switch self {
        case .ping(let message): message.encoded()
        case .indirectPing(let message): message.encoded()
        case .acknowledgement(let message): message.encoded()
        case .negativeAcknowledgement(let message): message.encoded()
        case .suspect(let message): message.encoded()
        case .alive(let message): message.encoded()
        case .dead(let message): message.encoded()
        case .user(let bytes): [MessageType.user.rawValue] + bytes
        }
    }

    /// Decodes one message, without wrappings (compound, compressed, …).
    ///
    /// - Parameter body: the bytes after the type byte.
    init(_ type: MessageType, _ body: ArraySlice<UInt8>) throws(WireError) {
        var reader = MessagePackReader(body)
        switch type {
        case .ping: self = .ping(try Ping(from: &reader))
        case .indirectPing: self = .indirectPing(try IndirectPing(from: &reader))
        case .acknowledgement: self = .acknowledgement(try Acknowledgement(from: &reader))
        case .negativeAcknowledgement: self = .negativeAcknowledgement(try NegativeAcknowledgement(from: &reader))
        case .suspect: self = .suspect(try Suspect(from: &reader))
        case .alive: self = .alive(try Alive(from: &reader))
        case .dead: self = .dead(try Dead(from: &reader))
        case .user: self = .user(Array(body))
        case .pushPull, .compound, .compressed, .encrypted, .checksummed, .failure, .label:
            throw .unknownType(type.rawValue)
        }
    }
}
