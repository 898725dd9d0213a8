import Logging
import StellarStorage

// The machine's state as rows of SQLite.

extension StoreImage {
    /// All that is on the disk, and in words what of it does not read.
    static func read(_ connection: Connection) throws -> (image: StoreImage, unreadable: [String]) {
        let tables = Entries(connection)
        var unreadable: [String] = []
        let entries = try tables.all().map(StoreEntry.init)
        var vector = VersionVector()
        var purged = VersionVector()
        for origin in try tables.origins() {
            if let seen = origin.seen { vector[origin.name] = StoreStamp(rawValue: seen) }
            if let stamp = origin.purged { purged[origin.name] = StoreStamp(rawValue: stamp) }
        }
        let members = try tables.members().map { StoreMember(name: $0.name, absentSince: $0.absentSince) }
        var quarantined: [StoreQuarantined] = []
        for item in try tables.quarantined() {
            guard let reason = StoreQuarantineReason(rawValue: item.reason) else {
                unreadable.append("\(item.row.key) in \(item.row.bucket) is kept aside as \"\(item.reason)\"")
                continue
            }
            quarantined.append(StoreQuarantined(StoreEntry(item.row), reason))
        }
        let image = StoreImage(
            entries: entries,
            vector: vector,
            purged: purged,
            members: members,
            quarantined: quarantined
        )
        return (image, unreadable)
    }
}

extension StoreTransaction {
    /// Writes it all; to be called in a transaction of SQLite.
    func put(_ connection: Connection) throws {
        let tables = Entries(connection)
        for entry in upserts { try tables.put(Entries.Row(entry)) }
        for key in removals { try tables.remove(bucket: key.bucket, key: key.key) }
        for (origin, stamp) in vector {
            try tables.set(Entries.Origin(name: origin, seen: stamp.rawValue, purged: nil))
        }
        for (origin, stamp) in purged {
            try tables.set(Entries.Origin(name: origin, seen: nil, purged: stamp.rawValue))
        }
        for (name, member) in members {
            if let member {
                try tables.set(Entries.Member(name: name, absentSince: member.absentSince))
            } else {
                try tables.removeMember(name)
            }
        }
        for item in quarantined {
            let row = Entries.Row(item.entry)
            try tables.put(Entries.Quarantined(row: row, reason: item.reason.rawValue))
        }
        for item in released { try tables.removeQuarantined(Entries.Row(item.entry)) }
    }
}

extension Entries.Row {
    init(_ entry: StoreEntry) {
        self.init(
            bucket: entry.key.bucket,
            key: entry.key.key,
            value: entry.value,
            stamp: entry.stamp.rawValue,
            origin: entry.origin
        )
    }
}

extension StoreEntry {
    init(_ row: Entries.Row) {
        self.init(
            StoreKey(row.bucket, row.key),
            row.value,
            stamp: StoreStamp(rawValue: row.stamp),
            origin: row.origin
        )
    }
}

extension ReplicatedStore {
    /// Files of the first format have apps, records and subnets in the buckets of this node alone. They become its writes,
    /// in one transaction with their removal there: a crash leaves the one or the other.
    func migrate() async throws {
        let found = try await database.read { connection in
            var found: [(bucket: String, entry: Buckets.Entry)] = []
            for bucket in [StoreBucket.apps, StoreBucket.network, StoreBucket.nameserver] {
                for entry in try Buckets(connection).entries(in: bucket) where !entry.key.hasPrefix(Self.localPrefix) {
                    found.append((bucket, entry))
                }
            }
            return found.map { StoreChange($0.bucket, $0.entry.key, $0.entry.value) }
        }
        guard !found.isEmpty else { return }
        try await write(found) { connection in
            for change in found { try Buckets(connection).remove(change.key.key, in: change.key.bucket) }
        }
        logger.notice(
            "what this node had by itself is in the replicated store now",
            metadata: ["entries": "\(found.count)"]
        )
    }

    /// Addresses of containers: within a node's own subnet, and of no use to others.
    private static let localPrefix = "ips."
}
