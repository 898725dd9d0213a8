import FoundationEssentials
import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarStorage
import StellarStore
import SwiftProtobuf

/// `stellar.services.datastore.v1.Datastore`: the replicated store for clients of the original, who kept bytes of their own
/// in it, and could look at everything.
///
/// What the daemon itself keeps there can be read by all and is written by its own services alone, which know its rules.
struct DatastoreService: Sendable {
    /// How long a write with `sync` waits for the other nodes. The original waited for the calls to all of them.
    static let syncLimit = Duration.seconds(5)
    /// Bytes of a response: what fits a message, with room for what is around it.
    static let maximumResponseBytes = 15 << 20

    var store: ReplicatedStore

    var service: RPCService {
        RPCService(name: StellarMethods.Datastore.serviceName, methods: keyMethods + copyMethods + lockMethods)
    }

    private var keyMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Datastore.info) { (_: DatastoreInfoRequest, _) in
                var response = DatastoreInfoResponse()
                response.id = StellarMethods.Datastore.packageName
                return response
            },
            .unary(StellarMethods.Datastore.createBucket) { (request: DatastoreCreateBucketRequest, _) in
                guard store.value(Self.directory, request.bucket) == nil else { return }
                try await store.write([StoreChange(Self.directory, request.bucket, [])])
            },
            .unary(StellarMethods.Datastore.set) { (request: DatastoreSetRequest, _) in
                try Self.checkWritable(request.bucket, request.key, Array(request.value))
                var changes = [StoreChange(request.bucket, request.key, Array(request.value))]
                if !isKnown(request.bucket) { changes.append(StoreChange(Self.directory, request.bucket, [])) }
                try await write(changes, isSynced: request.sync)
            },
            .unary(StellarMethods.Datastore.get) { (request: DatastoreGetRequest, _) in
                guard isKnown(request.bucket) else {
                    throw RPCError(.notFound, "bucket \(request.bucket) not found")
                }
                var response = DatastoreGetResponse()
                response.bucket = request.bucket
                response.data.key = request.key
                response.data.value = Data(store.value(request.bucket, request.key)?.value ?? [])
                return response
            },
            .unary(StellarMethods.Datastore.search) { (request: DatastoreSearchRequest, _) in
                try checkKnown(request.bucket)
                var response = DatastoreSearchResponse()
                response.bucket = request.bucket
                let prefix = request.prefix == "*" ? "" : request.prefix
                response.data = store.entries(request.bucket, prefix: prefix).map { entry in
                    var item = DatastoreKeyValue()
                    item.key = entry.key.key
                    item.value = Data(entry.value ?? [])
                    return item
                }
                let bytes = response.data.reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
                guard bytes <= Self.maximumResponseBytes else {
                    throw RPCError(.resourceExhausted, "what was found has \(bytes) bytes; search with a longer prefix")
                }
                return response
            },
            .unary(StellarMethods.Datastore.delete) { (request: DatastoreDeleteRequest, _) in
                try checkKnown(request.bucket)
                try Self.checkWritable(request.bucket, request.key, nil)
                guard store.value(request.bucket, request.key) != nil else { return }
                try await write([StoreChange(request.bucket, request.key, nil)], isSynced: request.sync)
            },
        ]
    }

    private var copyMethods: [RPCMethodHandler] {
        [
            .unary(StellarMethods.Datastore.backup) { (_: DatastoreBackupRequest, _) in
                let entries = store.everything.filter { !$0.isTombstone }
                var response = DatastoreBackupResponse()
                response.data = Data(StoreBackup.encode(entries))
                guard response.data.count <= Self.maximumResponseBytes else {
                    throw RPCError(
                        .resourceExhausted,
                        "the store has \(response.data.count) bytes, and a message at most \(Self.maximumResponseBytes); "
                            + "copy the data directory instead"
                    )
                }
                return response
            },
            .unary(StellarMethods.Datastore.restore) { (request: DatastoreRestoreRequest, _) in
                let changes = StoreBackup.changes(
                    to: try StoreBackup.decode(Array(request.data)),
                    from: store.everything
                )
                try await store.write(changes)
            },
            .serverStreaming(StellarMethods.Datastore.sync.name) {
                (_: DatastoreSyncRequest, writer: RPCResponseWriter<DatastoreSyncOperation>, _) in
                let all = store.everything
                for entry in all where !entry.isTombstone { try await writer.send(DatastoreSyncOperation(entry)) }
                for entry in all where entry.isTombstone { try await writer.send(DatastoreSyncOperation(entry)) }
            },
            .unary(StellarMethods.Datastore.peerSync) { (request: DatastorePeerSyncRequest, _) in
                try await store.compare(with: request.id)
            },
        ]
    }

    /// A lock would have to hold on every node, also on those that cannot be reached. Without a majority that decides there
    /// is none that keeps its word, and one that only seems to is worse than none.
    private var lockMethods: [RPCMethodHandler] {
        let why =
            "there are no locks: no node could keep the others from writing while the network is split; of two writes of one key the later counts"
        return [
            .unary(StellarMethods.Datastore.acquireLock) { (_: DatastoreAcquireLockRequest, _) in
                throw RPCError(.unimplemented, why)
            },
            .unary(StellarMethods.Datastore.releaseLock) { (_: DatastoreReleaseLockRequest, _) in
                throw RPCError(.unimplemented, why)
            },
        ]
    }

    // MARK: Buckets

    /// The names of the buckets that were made, as its keys: a bucket is there before it has a key, and after.
    private static let directory = "stellar.v1.buckets"
    /// Written by the daemon's services alone.
    private static let ours: [String: String] = [
        StoreBucket.apps: "apps", StoreBucket.network: "subnets and routes",
        StoreBucket.nodes: "the facts that nodes report",
        directory: "the names of buckets",
    ]

    private func isKnown(_ bucket: String) -> Bool {
        Self.ours[bucket] != nil || bucket == StoreBucket.nameserver || store.value(Self.directory, bucket) != nil
            || !store.entries(bucket).isEmpty
    }

    private func checkKnown(_ bucket: String) throws {
        guard isKnown(bucket) else { throw RPCError(.notFound, "bucket \(bucket): not found") }
    }

    private static func checkWritable(_ bucket: String, _ key: String, _ value: [UInt8]?) throws {
        if let content = ours[bucket] {
            throw RPCError(.failedPrecondition, "\(bucket) holds \(content), which their own service writes")
        }
        if bucket == StoreBucket.nameserver, let value, StoredRecords.decode(value) == nil {
            throw RPCError(.invalidArgument, "value: no records of \(key) in JSON; use the nameserver's service")
        }
    }

    private func write(_ changes: [StoreChange], isSynced: Bool) async throws {
        let written = try await store.write(changes)
        // As in the original, nodes that cannot be reached do not make it fail.
        if isSynced, let last = written.last { _ = await store.waitConverged(last.stamp, within: Self.syncLimit) }
    }
}

extension DatastoreSyncOperation {
    init(_ entry: StoreEntry) {
        self.init()
        action = entry.isTombstone ? .delete : .set
        (bucket, key, value) = (entry.key.bucket, entry.key.key, Data(entry.value ?? []))
    }
}
