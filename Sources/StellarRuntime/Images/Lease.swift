import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Synchronization

/// Leases, which keep the garbage collector from an image while it is pulled (containerd, docs/garbage-collection.md).
extension ContainerRuntime {
    /// A lease expires after this long: longer than the slowest pull.
    static let leaseLifetime = 24.0 * 3600
    /// For a deletion that also collects garbage: it walks all objects of containerd.
    private static let collectTimeout = Duration.seconds(60)

    /// Runs `body` under a lease and always deletes the lease; after a failure the garbage collector removes partial
    /// content at once.
    func withLease<R: Sendable>(for reference: String, _ body: (String) async throws -> R) async throws -> R {
        let id = "stellar-pull-" + UUID().uuidString.lowercased()
        var request = ContainerdLeasesCreateRequest()
        request.id = id
        request.labels = [
            ContentLabels.expiry: Date(timeIntervalSinceNow: Self.leaseLifetime).formatted(.iso8601),
            ContentLabels.pull: String(reference.prefix(ContentLabels.maximumLength - 64)),
        ]
        activeLeases.withLock { _ = $0.insert(id) }
        defer { activeLeases.withLock { _ = $0.remove(id) } }
        do {
            try await createLease(request, for: reference)
            let result = try await body(id)
            await shielded { await self.deleteLease(id, collecting: false) }
            return result
        } catch {
            await shielded { await self.deleteLease(id, collecting: true) }
            throw error
        }
    }

    /// Completes even if the task is cancelled: otherwise containerd could make the lease after its deletion, and it
    /// would stay.
    private func createLease(_ request: ContainerdLeasesCreateRequest, for reference: String) async throws {
        let outcome: Result<Void, any Error> = await shielded {
            do {
                _ = try await self.call(
                    LeasesMethod.create,
                    request,
                    returning: ContainerdLeasesCreateResponse.self,
                    naming: "lease for image \(reference)"
                )
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
        try Task.checkCancellation()
    }

    private func deleteLease(_ id: String, collecting: Bool) async {
        var request = ContainerdLeasesDeleteRequest()
        request.id = id
        request.sync = collecting
        do {
            _ = try await call(
                LeasesMethod.delete,
                request,
                returning: Google_Protobuf_Empty.self,
                timeout: Self.collectTimeout,
                naming: "lease \(id)"
            )
        } catch  where says(error, .notFound) {
        } catch {
            logger.warning("\(error); it expires within a day")
        }
    }

    /// Deletes the leases of pulls that a crash ended, with their partial content. For the start of a daemon: running
    /// pulls of this ``ContainerRuntime`` keep their leases; those of another process in the same namespace do not.
    ///
    /// - Returns: the leases deleted.
    @discardableResult
    public func removeAbandonedLeases() async throws -> [String] {
        var request = ContainerdLeasesListRequest()
        request.filters = ["labels.\"\(ContentLabels.pull)\""]
        let response: ContainerdLeasesListResponse = try await call(LeasesMethod.list, request, naming: "leases")
        let active = activeLeases.withLock { $0 }
        let abandoned = response.leases.map(\.id).filter { !active.contains($0) }
        for id in abandoned { await deleteLease(id, collecting: true) }
        return abandoned
    }
}
