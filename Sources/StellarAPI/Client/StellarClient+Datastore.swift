public import FoundationEssentials
import StellarRPC
import SwiftProtobuf

extension StellarClient {
    /// The replicated store.
    public var datastore: Datastore { .init(client: self) }

    /// `stellar.services.datastore.v1.Datastore`.
    public struct Datastore: Sendable {
        let client: StellarClient

        /// Creates a bucket, unless it exists.
        public func createBucket(_ bucket: String) async throws {
            try await client.send(
                StellarMethods.Datastore.createBucket,
                DatastoreCreateBucketRequest.with { $0.bucket = bucket }
            )
        }

        /// Sets the value of a key. Creates the bucket if it does not exist.
        ///
        /// - Parameter sync: whether to return only after all alive nodes have the write, or after some seconds.
        public func set(_ bucket: String, _ key: String, _ value: Data, sync: Bool = false) async throws {
            try await client.send(
                StellarMethods.Datastore.set,
                DatastoreSetRequest.with {
                    ($0.bucket, $0.key, $0.value, $0.sync) = (bucket, key, value, sync)
                }
            )
        }

        /// The value of a key; empty if there is no such key.
        ///
        /// - Throws: `RPCError`; the code is `RPCCode.notFound` if there is no such bucket.
        public func get(_ bucket: String, _ key: String) async throws -> Data {
            let response: DatastoreGetResponse = try await client.call(
                StellarMethods.Datastore.get,
                DatastoreGetRequest.with { ($0.bucket, $0.key) = (bucket, key) }
            )
            return response.data.value
        }

        /// The keys with a prefix and their values, in the order of the keys' bytes.
        public func search(_ bucket: String, prefix: String = "") async throws -> [DatastoreKeyValue] {
            let response: DatastoreSearchResponse = try await client.call(
                StellarMethods.Datastore.search,
                DatastoreSearchRequest.with { ($0.bucket, $0.prefix) = (bucket, prefix) }
            )
            return response.data
        }

        /// Deletes a key on all nodes, if it exists.
        public func delete(_ bucket: String, _ key: String, sync: Bool = false) async throws {
            try await client.send(
                StellarMethods.Datastore.delete,
                DatastoreDeleteRequest.with { ($0.bucket, $0.key, $0.sync) = (bucket, key, sync) }
            )
        }

        /// A copy of the whole store.
        public func backup() async throws -> Data {
            let response: DatastoreBackupResponse = try await client.call(
                StellarMethods.Datastore.backup,
                DatastoreBackupRequest()
            )
            return response.data
        }

        /// Restores the store from a copy.
        public func restore(_ data: Data) async throws {
            try await client.send(StellarMethods.Datastore.restore, DatastoreRestoreRequest.with { $0.data = data })
        }
    }
}
