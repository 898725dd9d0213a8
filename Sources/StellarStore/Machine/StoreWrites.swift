/// When and under which key an entry was written.
struct StoreWrite: Sendable {
    var stamp: StoreStamp
    var origin: String
    var key: StoreKey
}

/// Writes in the order of stamps. Superseded ones stay until they are the greater part.
///
/// In pieces, so that a change after a copy was taken (``SnapshotDictionary``) copies one of them and not all.
struct StoreWrites: Sendable {
    /// A piece of twice that is halved.
    static let piece = 128
    /// Superseded writes up to which nothing is cleaned up.
    private static let few = 32

    /// None is empty.
    private var pieces: [[StoreWrite]] = []
    private var count = 0
    private var stale = 0

    private struct Position {
        var piece: Int
        var index: Int
    }

    mutating func add(_ entry: StoreEntry) {
        let position = position(after: entry.stamp)
        // An entry that comes back after it was removed may still be here.
        guard !has(entry, before: position) else {
            stale -= 1
            return
        }
        insert(StoreWrite(stamp: entry.stamp, origin: entry.origin, key: entry.key), at: position)
    }

    /// Notes that one of the writes is not held any more.
    mutating func forget(unless isCurrent: (StoreWrite) -> Bool) {
        stale += 1
        guard stale > Self.few, stale * 2 > count else { return }
        let kept = pieces.joined().filter(isCurrent)
        pieces = stride(from: 0, to: kept.count, by: Self.piece).map { start in
            Array(kept[start..<min(start + Self.piece, kept.count)])
        }
        count = kept.count
        stale = 0
    }

    func after(_ stamp: StoreStamp) -> [StoreWrite] {
        let start = position(after: stamp)
        guard start.piece < pieces.count else { return [] }
        return Array(pieces[start.piece][start.index...]) + pieces[(start.piece + 1)...].joined()
    }

    func upTo(_ stamp: StoreStamp) -> [StoreWrite] {
        let end = position(after: stamp)
        guard end.piece < pieces.count else { return Array(pieces.joined()) }
        return Array(pieces[..<end.piece].joined()) + pieces[end.piece][..<end.index]
    }

    /// The first whose stamp is above `stamp`; after the last piece where there is none.
    private func position(after stamp: StoreStamp) -> Position {
        // Nearly always the last.
        guard let last = pieces.last?.last, last.stamp > stamp else { return Position(piece: pieces.count, index: 0) }
        let piece = Self.first(pieces.count) { (pieces[$0].last?.stamp ?? .zero) > stamp }
        return Position(piece: piece, index: Self.first(pieces[piece].count) { pieces[piece][$0].stamp > stamp })
    }

    /// The first number below `count` of which it is true, as of all after it; `count` where there is none.
    private static func first(_ count: Int, _ isTrue: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isTrue(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func has(_ entry: StoreEntry, before end: Position) -> Bool {
        var (piece, index) = (end.piece, end.index)
        while true {
            if index == 0 {
                guard piece > 0 else { return false }
                piece -= 1
                index = pieces[piece].count
            }
            index -= 1
            let write = pieces[piece][index]
            guard write.stamp == entry.stamp else { return false }
            if write.key == entry.key, write.origin == entry.origin { return true }
        }
    }

    private mutating func insert(_ write: StoreWrite, at position: Position) {
        count += 1
        var position = position
        if position.piece == pieces.count {
            guard let last = pieces.indices.last else {
                pieces = [[write]]
                return
            }
            position = Position(piece: last, index: pieces[last].count)
        }
        pieces[position.piece].insert(write, at: position.index)
        guard pieces[position.piece].count >= Self.piece * 2 else { return }
        // Nearly all writes come after all others: then pieces are filled up.
        let isLast = position.piece == pieces.count - 1
        let half = isLast ? Self.piece * 2 - 1 : Self.piece
        let rest = Array(pieces[position.piece][half...])
        pieces[position.piece].removeSubrange(half...)
        pieces.insert(rest, at: position.piece + 1)
    }
}
