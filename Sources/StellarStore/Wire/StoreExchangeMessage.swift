/// A message of a ``StoreExchange``, on a stream that keeps messages apart.
///
/// | byte | message | contents |
/// |---|---|---|
/// | `01` | hello | node, 1 for everything, vector, purged, its members |
/// | `02` | entries | entries |
/// | `03` | end | digest of both together from the caller; 0 from the other |
/// | `04` | done | digest of both together |
enum StoreExchangeMessage: Sendable, Hashable {
    case hello(Hello)
    case entries([StoreEntry])
    /// No entries follow. The caller has the other's entries by now, so it sends the digest of both together.
    case end(UInt64)
    /// All is on the disk.
    case done(UInt64)

    struct Hello: Sendable, Hashable {
        var node: String
        var isFull: Bool
        var vector: VersionVector
        var purged: VersionVector
        var members: [StoreMember]
    }

    func encoded() -> [UInt8] {
        var writer = StoreWriter()
        switch self {
        case .hello(let hello):
            writer.byte(1)
            writer.text(hello.node)
            writer.byte(hello.isFull ? 1 : 0)
            writer.vector(hello.vector)
            writer.vector(hello.purged)
            writer.number(hello.members.count)
            for member in hello.members {
                writer.text(member.name)
                // 0 is 1970: no member was lost then.
                writer.number(member.lostSince ?? 0)
            }
        case .entries(let entries):
            writer.byte(2)
            writer.entries(entries)
        case .end(let digest):
            writer.byte(3)
            writer.fixed(digest)
        case .done(let digest):
            writer.byte(4)
            writer.fixed(digest)
        }
        return writer.bytes
    }

    init(_ bytes: some Collection<UInt8>) throws(StoreWireError) {
        guard bytes.count <= StoreLimits.exchangeMessage else { throw .tooLarge }
        var reader = StoreReader(ArraySlice(bytes))
        let type = try reader.byte()
        switch type {
        case 1:
            let node = try reader.nodeName()
            let isFull = try reader.byte()
            guard isFull < 2 else { throw .outOfRange }
            let (vector, purged) = (try reader.vector(), try reader.vector())
            let count = try reader.count(each: 3)
            guard count <= StoreLimits.origins else { throw .tooLarge }
            var members: [StoreMember] = []
            for _ in 0..<count {
                let name = try reader.nodeName()
                let lost = try reader.number()
                members.append(StoreMember(name: name, lostSince: lost == 0 ? nil : lost))
            }
            self = .hello(Hello(node: node, isFull: isFull == 1, vector: vector, purged: purged, members: members))
        case 2: self = .entries(try reader.entries())
        case 3: self = .end(try reader.fixed())
        case 4: self = .done(try reader.fixed())
        default: throw .unknownType(type)
        }
        try reader.end()
    }
}
