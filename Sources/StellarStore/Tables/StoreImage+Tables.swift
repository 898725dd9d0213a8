import StellarStorage

// The machine's state as rows of SQLite.

extension StoreImage {
    /// All that is on the disk, and what of it cannot be decoded.
    static func read(_ connection: Connection) throws -> (image: StoreImage, undecodable: [String]) {
        let tables = Entries(connection)
        var undecodable: [String] = []
        let entries = try tables.all().map(StoreEntry.init)
        var vector = VersionVector()
        var purged = VersionVector()
        for origin in try tables.origins() {
            if let seen = origin.seen { vector[origin.name] = StoreStamp(rawValue: seen) }
            if let stamp = origin.purged { purged[origin.name] = StoreStamp(rawValue: stamp) }
        }
        let members = try tables.members().map { StoreMember(name: $0.name, lostSince: $0.lostSince) }
        var quarantined: [StoreQuarantined] = []
        for item in try tables.quarantined() {
            guard let reason = StoreQuarantineReason(rawValue: item.reason) else {
                undecodable.append(
                    "\(item.row.key) in \(item.row.bucket): unknown reason of quarantine \"\(item.reason)\""
                )
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
        return (image, undecodable)
    }
}

extension StoreTransaction {
    /// Writes all of it, in a transaction of SQLite.
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
                try tables.set(Entries.Member(name: name, lostSince: member.lostSince))
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
