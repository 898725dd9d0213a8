import Logging
import StellarCore
import StellarStorage
import StellarStore
import StellarSystem

/// The facts that this node reports of its slots.
extension Reconciler {
    /// A create changes a slot's state several times within tenths of a second; the others need the last of them.
    static let factDelay = Duration.milliseconds(200)

    /// Reports what changes, until cancelled.
    nonisolated func reportFacts() async {
        for await _ in statusNews {
            guard (try? await clock.sleep(for: Self.factDelay)) != nil else { return }
            do {
                _ = try await writeFacts()
            } catch {
                logger.warning(
                    "cannot report what runs here; retrying",
                    metadata: ["reason": "\(Cause(of: error).message)"]
                )
                guard (try? await clock.sleep(for: Self.period)) != nil else { return }
                statusSignal.yield()
            }
        }
    }

    /// Reports what this machine is, where that is not reported yet. The next start tries again.
    nonisolated func report(_ capacity: NodeCapacity) async {
        let key = NodeFacts.infoKey(node.id)
        guard store.entry(key.bucket, key.key)?.value != capacity.encoded else { return }
        do {
            try await store.write([StoreChange(key, capacity.encoded)])
        } catch {
            logger.warning(
                "cannot report what this machine is",
                metadata: ["reason": "\(Cause(of: error).message)"]
            )
        }
    }

    /// Writes what is not reported yet.
    ///
    /// - Returns: What was written.
    func writeFacts() async throws -> [StoreEntry] {
        let changes = factChanges()
        return changes.isEmpty ? [] : try await store.write(changes, durability: .lazy) { _ in }
    }

    private func factChanges() -> [StoreChange] {
        var reported: [StoreKey: [UInt8]] = [:]
        for entry in store.entries(StoreBucket.nodes, prefix: NodeFacts.prefix(node.id) + "slots/") {
            reported[entry.key] = entry.value
        }
        var changes: [StoreChange] = []
        for (id, status) in statuses.sorted(by: { $0.key < $1.key }) {
            let key = NodeFacts.slotKey(node.id, id)
            let before = reported.removeValue(forKey: key)
            // After a start of the daemon: the last report holds until the first pass.
            if status.state == .waiting, before != nil { continue }
            let value = SlotFact(status, endpoints: machines[id]?.desired?.slot.service.endpoints ?? []).encoded
            if before != value { changes.append(StoreChange(key, value)) }
        }
        return changes + reported.keys.sorted().map { StoreChange($0, nil) }
    }
}
