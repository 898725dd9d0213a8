/// A message of the store in gossip's user messages: one byte for the type, then its contents.
///
/// | byte | message | contents |
/// |---|---|---|
/// | `a1` | fresh | origin, previous, upTo, entries |
/// | `a2` | learnt | entries |
/// | `a3` | notice | holder, a vector |
/// | `a4` | probe | node, digests of its vector, of what is alive and of its tombstones, and after which stamp these count |
/// | `a5` | seen | node, life, number, up to which stamp of the receiver, its own last stamp |
package enum StoreMessage: Sendable, Hashable {
    /// Passed on: all that an origin wrote since `previous`.
    case fresh(StoreRun)
    /// Passed on: entries that a node got in an exchange. They move no vector.
    case learnt([StoreEntry])
    /// Passed on: `holder` has the writes of these origins up to these stamps; they do not fit a datagram.
    case notice(holder: String, VersionVector)
    /// To one node: sums of what `node` has.
    case probe(StoreProbe)
    /// To the origin: what `node` has of its writes.
    case seen(StoreSeen)
}

/// Writes of one node, one after the other.
package struct StoreRun: Sendable, Hashable {
    package var origin: String
    /// The origin's last write before these.
    package var previous: StoreStamp
    /// The last of these: the origin wrote nothing else between `previous` and here.
    package var upTo: StoreStamp
    package var entries: [StoreEntry]

    package init(origin: String, previous: StoreStamp, upTo: StoreStamp, entries: [StoreEntry]) {
        self.origin = origin
        self.previous = previous
        self.upTo = upTo
        self.entries = entries
    }
}

/// Short sums of all that a node has. Two nodes with equal sums have the same.
package struct StoreProbe: Sendable, Hashable {
    package var node: String
    package var vector: UInt64
    package var living: UInt64
    /// The sum of the tombstones after `floor`; those up to it may be forgotten at `node`.
    package var tombstones: UInt64
    package var floor: StoreStamp
}

/// What a node has of the receiver's writes.
package struct StoreSeen: Sendable, Hashable {
    package var node: String
    /// A random number of this life of `node`: what an earlier life had may be lost.
    package var life: UInt64
    /// Counts up in a life: of two messages that overtook each other the later one counts.
    package var number: UInt64
    /// `node` has all that the receiver wrote up to here.
    package var upTo: StoreStamp
    /// `node` itself had written up to here then.
    package var own: StoreStamp
}

extension StoreMessage {
    private enum Kind: UInt8 {
        case fresh = 0xA1
        case learnt = 0xA2
        case notice = 0xA3
        case probe = 0xA4
        case seen = 0xA5
    }

    package func encoded() -> [UInt8] {
        var writer = StoreWriter()
        switch self {
        case .fresh(let run):
            writer.byte(Kind.fresh.rawValue)
            writer.text(run.origin)
            writer.stamp(run.previous)
            writer.stamp(run.upTo)
            writer.entries(run.entries, origin: run.origin)
        case .learnt(let entries):
            writer.byte(Kind.learnt.rawValue)
            writer.entries(entries)
        case .notice(let holder, let vector):
            writer.byte(Kind.notice.rawValue)
            writer.text(holder)
            writer.vector(vector)
        case .probe(let probe):
            writer.byte(Kind.probe.rawValue)
            writer.text(probe.node)
            writer.fixed(probe.vector)
            writer.fixed(probe.living)
            writer.fixed(probe.tombstones)
            writer.stamp(probe.floor)
        case .seen(let seen):
            writer.byte(Kind.seen.rawValue)
            writer.text(seen.node)
            writer.fixed(seen.life)
            writer.number(seen.number)
            writer.stamp(seen.upTo)
            writer.stamp(seen.own)
        }
        return writer.bytes
    }

    package init(_ bytes: some Collection<UInt8>) throws(StoreWireError) {
        var reader = StoreReader(ArraySlice(bytes))
        let type = try reader.byte()
        switch Kind(rawValue: type) {
        case .fresh:
            let origin = try reader.nodeName()
            let (previous, upTo) = (try reader.stamp(), try reader.stamp())
            let entries = try reader.entries(origin: origin)
            // A run has only its own origin's writes, between its two stamps.
            guard previous < upTo,
                entries.allSatisfy({ $0.origin == origin && $0.stamp > previous && $0.stamp <= upTo })
            else { throw .outOfRange }
            self = .fresh(StoreRun(origin: origin, previous: previous, upTo: upTo, entries: entries))
        case .learnt: self = .learnt(try reader.entries())
        case .notice: self = .notice(holder: try reader.nodeName(), try reader.vector())
        case .probe:
            let node = try reader.nodeName()
            let (vector, living, tombstones) = (try reader.fixed(), try reader.fixed(), try reader.fixed())
            let floor = try reader.stamp()
            self = .probe(
                StoreProbe(node: node, vector: vector, living: living, tombstones: tombstones, floor: floor)
            )
        case .seen:
            let node = try reader.nodeName()
            let (life, number) = (try reader.fixed(), try reader.number())
            let (upTo, own) = (try reader.stamp(), try reader.stamp())
            self = .seen(StoreSeen(node: node, life: life, number: number, upTo: upTo, own: own))
        case nil: throw .unknownType(type)
        }
        try reader.end()
    }
}
