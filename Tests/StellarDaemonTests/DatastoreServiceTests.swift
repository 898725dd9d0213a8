import FoundationEssentials
import NIOCore
import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarStorage
import StellarStore
import StellarTestKit
import SwiftProtobuf
import Testing

@testable import StellarDaemon

/// The Datastore service as a client of the original sees it.
@Suite(.timeLimit(.minutes(10)))
struct DatastoreServiceTests {
    private func with(
        _ body: (StellarClient.Datastore, StellarClient, ReplicatedStore) async throws -> Void
    ) async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/test.db")
            let store = try await ReplicatedStore.alone(database, node: "a")
            let server = RPCServer(services: [DatastoreService(store: store).service])
            let port = Int(try LoopbackPort.free())
            _ = try await server.bind(.tcp(host: "127.0.0.1", port: port))
            let rpc = RPCClient(address: .tcp(host: "127.0.0.1", port: port))
            let client = StellarClient(rpc, options: RPCCallOptions(timeout: .seconds(120)))
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(client.datastore, client, store))
            } catch {
                outcome = .failure(error)
            }
            await rpc.close()
            await server.shutdown(grace: .zero)
            await database.close()
            try outcome.get()
        }
    }

    private func code(_ body: () async throws -> Void) async -> RPCCode? {
        do {
            try await body()
            return nil
        } catch {
            return RPCError(of: error).code
        }
    }

    @Test func keysAreSetFoundAndDeleted() async throws {
        try await with { datastore, _, _ in
            #expect(await code { _ = try await datastore.get("mine", "k") } == .notFound)
            #expect(await code { _ = try await datastore.search("mine") } == .notFound)
            #expect(await code { try await datastore.delete("mine", "k") } == .notFound)
            try await datastore.set("mine", "b.2", Data([2]), sync: true)
            try await datastore.set("mine", "b.10", Data([1]))
            try await datastore.set("mine", "c", Data())
            #expect(try await datastore.get("mine", "b.2") == Data([2]))
            // A missing key has no value, and is no error.
            #expect(try await datastore.get("mine", "other").isEmpty)
            #expect(try await datastore.search("mine", prefix: "b.").map(\.key) == ["b.10", "b.2"])
            for everything in ["", "*"] {
                #expect(try await datastore.search("mine", prefix: everything).map(\.key) == ["b.10", "b.2", "c"])
            }
            try await datastore.delete("mine", "b.2")
            try await datastore.delete("mine", "b.2")
            #expect(try await datastore.search("mine").map(\.key) == ["b.10", "c"])
            try await datastore.delete("mine", "b.10")
            try await datastore.delete("mine", "c")
            // The bucket stays.
            #expect(try await datastore.search("mine").isEmpty)
            try await datastore.createBucket("empty")
            try await datastore.createBucket("empty")
            #expect(try await datastore.search("empty").isEmpty)
        }
    }

    @Test func keysOfTheDaemonAreReadOnly() async throws {
        try await with { datastore, _, store in
            try await store.write([StoreChange(StoreBucket.network, "subnets.a", Array("172.16.0.0/22".utf8))])
            #expect(try await datastore.get(StoreBucket.network, "subnets.a") == Data("172.16.0.0/22".utf8))
            for bucket in [StoreBucket.apps, StoreBucket.network, StoreBucket.nodes] {
                #expect(await code { try await datastore.set(bucket, "k", Data([1])) } == .failedPrecondition)
                #expect(await code { try await datastore.delete(bucket, "k") } == .failedPrecondition)
            }
            let records = Data(#"[{"type":1,"name":"x.example","value":"10.0.0.1"}]"#.utf8)
            try await datastore.set(StoreBucket.nameserver, "x.example", records)
            #expect(await code { try await datastore.set(StoreBucket.nameserver, "x", Data([1])) } == .invalidArgument)
        }
    }

    @Test func invalidKeysAreRefusedAndNamed() async throws {
        try await with { datastore, _, _ in
            #expect(await code { try await datastore.set("b", "", Data()) } == .invalidArgument)
            #expect(await code { try await datastore.set("", "k", Data()) } == .invalidArgument)
            let large = Data(repeating: 1, count: StoreLimits.value + 1)
            #expect(await code { try await datastore.set("b", "k", large) } == .invalidArgument)
        }
    }

    @Test func restoreBringsBackABackup() async throws {
        try await with { datastore, _, store in
            try await datastore.set("mine", "kept", Data([1]))
            try await datastore.set("mine", "changed", Data([1]))
            try await store.write([
                StoreChange(StoreBucket.nodes, "a/info", [1]), StoreChange(StoreBucket.network, "subnets.a", [1]),
            ])
            let copy = try await datastore.backup()
            try await datastore.set("mine", "changed", Data([2]))
            try await datastore.delete("mine", "kept")
            try await datastore.set("mine", "new", Data([3]))
            try await store.write([
                StoreChange(StoreBucket.nodes, "a/info", [2]), StoreChange(StoreBucket.network, "subnets.a", [2]),
            ])
            try await datastore.restore(copy)
            #expect(try await datastore.search("mine").map(\.key) == ["changed", "kept"])
            #expect(try await datastore.get("mine", "changed") == Data([1]))
            // The subnets in use stay.
            #expect(store.value(StoreBucket.nodes, "a/info")?.value == [2])
            #expect(store.value(StoreBucket.network, "subnets.a")?.value == [2])

            for length in [0, 5, copy.count - 1] {
                #expect(await code { try await datastore.restore(copy.prefix(length)) } == .invalidArgument)
            }
            var bent = copy
            bent[30] ^= 1
            #expect(await code { try await datastore.restore(bent) } == .invalidArgument)
            #expect(try await datastore.search("mine").map(\.key) == ["changed", "kept"])
        }
    }

    @Test func syncSendsEverythingAndEnds() async throws {
        try await with { datastore, client, _ in
            try await datastore.set("mine", "kept", Data([1]))
            try await datastore.set("mine", "gone", Data([1]))
            try await datastore.delete("mine", "gone")
            let operations = try await client.rpc.serverStreaming(
                StellarMethods.Datastore.sync,
                DatastoreSyncRequest(),
                returning: DatastoreSyncOperation.self
            ) { responses in
                var found: [DatastoreSyncOperation] = []
                for try await operation in responses where operation.bucket == "mine" { found.append(operation) }
                return found
            }
            #expect(operations.map(\.key) == ["kept", "gone"])
            #expect(operations.map(\.action) == [.set, .delete])
        }
    }

    @Test func locksAreUnimplemented() async throws {
        try await with { _, client, _ in
            let acquire = await code {
                let _: Google_Protobuf_Empty = try await client.rpc.unary(
                    StellarMethods.Datastore.acquireLock,
                    DatastoreAcquireLockRequest(),
                    options: client.options
                )
            }
            #expect(acquire == .unimplemented)
            let peerSync = await code {
                let _: Google_Protobuf_Empty = try await client.rpc.unary(
                    StellarMethods.Datastore.peerSync,
                    DatastorePeerSyncRequest.with { $0.id = "nobody" },
                    options: client.options
                )
            }
            #expect(peerSync == .notFound)
        }
    }
}
