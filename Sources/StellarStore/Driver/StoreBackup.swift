/// A copy of the store's live entries in bytes, opaque to clients.
///
/// A line with the format; then for each entry bucket, key and value, each behind its length (32 bits, the highest first);
/// at the end a sum of it all, which shows a copy that was cut off or changed.
package enum StoreBackup {
    private static let header = Array("stellar store 1\n".utf8)

    package static func encode(_ entries: [StoreEntry]) -> [UInt8] {
        var bytes = header
        for entry in entries {
            for part in [Array(entry.key.bucket.utf8), Array(entry.key.key.utf8), entry.value ?? []] {
                append(UInt64(part.count), count: 4, to: &bytes)
                bytes += part
            }
        }
        append(sum(bytes), count: 8, to: &bytes)
        return bytes
    }

    /// - Throws: ``StoreBackupError``.
    package static func decode(_ bytes: [UInt8]) throws -> [StoreChange] {
        guard bytes.starts(with: header), bytes.count >= header.count + 8 else {
            throw StoreBackupError.unknownFormat
        }
        var end = bytes[(bytes.count - 8)...]
        let content = bytes[..<(bytes.count - 8)]
        guard try number(8, from: &end) == sum(content) else {
            throw StoreBackupError.incomplete
        }
        var rest = content.dropFirst(header.count)
        var changes: [StoreChange] = []
        while !rest.isEmpty {
            let bucket = String(decoding: try part(from: &rest), as: UTF8.self)
            let key = String(decoding: try part(from: &rest), as: UTF8.self)
            changes.append(StoreChange(bucket, key, Array(try part(from: &rest))))
        }
        return changes
    }

    /// The changes that restore a copy: the entries that differ here, and deletes of the keys that are not in it.
    ///
    /// Facts that nodes report of themselves are never restored. In the network's bucket the present entries stay, because
    /// containers use them.
    package static func changes(to copy: [StoreChange], from present: [StoreEntry]) -> [StoreChange] {
        var held: [StoreKey: [UInt8]] = [:]
        for entry in present { held[entry.key] = entry.value }
        var changes = copy.filter { change in
            switch change.key.bucket {
            case StoreBucket.nodes: false
            case StoreBucket.network: held[change.key] == nil
            default: held[change.key] != change.value
            }
        }
        let kept = Set(copy.map(\.key))
        for key in held.keys.sorted() where !kept.contains(key) {
            guard key.bucket != StoreBucket.nodes, key.bucket != StoreBucket.network else { continue }
            changes.append(StoreChange(key, nil))
        }
        return changes
    }

    private static func part(from bytes: inout ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
        let count = Int(try number(4, from: &bytes))
        guard count <= bytes.count else { throw StoreBackupError.damaged }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count)
    }

    private static func append(_ number: UInt64, count: Int, to bytes: inout [UInt8]) {
        for shift in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
    }

    private static func number(_ count: Int, from bytes: inout ArraySlice<UInt8>) throws -> UInt64 {
        guard bytes.count >= count else { throw StoreBackupError.damaged }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// FNV-1a (Fowler, Noll, Vo), 64 bits: against accidents.
    private static func sum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// Why bytes are not a backup.
package enum StoreBackupError: Error, Sendable, Hashable, CustomStringConvertible {
    /// They begin with something else than a backup does.
    case unknownFormat
    /// The sum at the end does not fit the rest.
    case incomplete
    /// A part ends beyond the end.
    case damaged

    package var description: String {
        switch self {
        case .unknownFormat: "not a backup of this store"
        case .incomplete: "the backup is damaged or cut off"
        case .damaged: "the backup is damaged"
        }
    }
}
