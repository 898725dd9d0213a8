import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Synchronization

/// What holds the garbage collector off while an image arrives (containerd, docs/garbage-collection.md).
extension ContainerRuntime {
    /// A lease that nobody deletes ends by itself after this long: longer than the slowest pull.
    static let leaseLifetime = 24.0 * 3600
    /// For a deletion that collects garbage on the way: it walks all there is in containerd.
    private static let collectTimeout = Duration.seconds(60)

    /// Runs `body` under a lease, which is deleted whatever happens; after a failure what was half done is collected
    /// at once.
    func withLease<R: Sendable>(for reference: String, _ body: (String) async throws -> R) async throws -> R {
        let id = "stellar-pull-" + UUID().uuidString.lowercased()
        var question = ContainerdLeasesCreateRequest()
        question.id = id
        question.labels = [
            ContentLabels.expiry: Date(timeIntervalSinceNow: Self.leaseLifetime).formatted(.iso8601),
            ContentLabels.pull: String(reference.prefix(ContentLabels.maximumLength - 64)),
        ]
        activeLeases.withLock { _ = $0.insert(id) }
        defer { activeLeases.withLock { _ = $0.remove(id) } }
        do {
            try await createLease(question, for: reference)
            let result = try await body(id)
            await shielded { await self.deleteLease(id, collecting: false) }
            return result
        } catch {
            await shielded { await self.deleteLease(id, collecting: true) }
            throw error
        }
    }

    /// Runs to its end also when the task is cancelled: a lease that containerd made after it was deleted would stay.
    private func createLease(_ question: ContainerdLeasesCreateRequest, for reference: String) async throws {
        let outcome: Result<Void, any Error> = await shielded {
            do {
                _ = try await self.call(
                    LeasesMethod.create,
                    question,
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
        var question = ContainerdLeasesDeleteRequest()
        question.id = id
        question.sync = collecting
        do {
            _ = try await call(
                LeasesMethod.delete,
                question,
                returning: Google_Protobuf_Empty.self,
                timeout: Self.collectTimeout,
                naming: "lease \(id)"
            )
        } catch  where says(error, .notFound) {
        } catch {
            logger.warning("\(error); it ends by itself within a day")
        }
    }

    /// Deletes the leases of pulls that a crash ended, and with them what they had half done. For the start of a
    /// daemon: the pulls of this ``ContainerRuntime`` that are under way are left alone, those of another process in
    /// the same namespace are not.
    ///
    /// - Returns: the leases deleted.
    @discardableResult
    public func removeAbandonedLeases() async throws -> [String] {
        var question = ContainerdLeasesListRequest()
        question.filters = ["labels.\"\(ContentLabels.pull)\""]
        let answer: ContainerdLeasesListResponse = try await call(LeasesMethod.list, question, naming: "leases")
        let active = activeLeases.withLock { $0 }
        let abandoned = answer.leases.map(\.id).filter { !active.contains($0) }
        for id in abandoned { await deleteLease(id, collecting: true) }
        return abandoned
    }
}
