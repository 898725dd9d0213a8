import Logging
import StellarStorage

extension ReplicatedStore {
    /// Migrates a file of the first format. It has apps, records and subnets in the buckets of this node alone; they become
    /// writes of this node, in one transaction with their removal there.
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
            "migrated the data of an earlier version into the replicated store",
            metadata: ["entries": "\(found.count)"]
        )
    }

    /// Addresses of containers stay: they are in this node's own subnet, and of no use to others.
    private static let localPrefix = "ips."
}
