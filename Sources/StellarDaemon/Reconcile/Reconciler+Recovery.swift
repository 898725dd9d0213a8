import Logging
import StellarCore
import StellarSystem

/// What an earlier run of the daemon, a crash or a lost disk left on this host.
extension Reconciler {
    /// Makes sure that what an earlier run left is known and cleaned up before anything new begins.
    ///
    /// - Throws: Unavailable while containerd does not answer.
    func recover() async throws {
        guard !isRecovered else { return }
        try await recoveryTurn.withUncancelledLock(0) { try await self.recoverInTurn() }
    }

    private func recoverInTurn() async throws {
        guard !isRecovered else { return }
        try await runner.runtime.waitForPendingWork()
        let observed = try await runner.runtime.containers()
        try await readAddresses(of: observed)
        let strays = try await strays(observed)
        // A disk that was lost or replaced by an older one knows less than the others do.
        if !strays.isEmpty, await awaitsOthers() {
            await sweep(keeping: strays)
            sweepOnceReceived(strays)
        } else {
            await remove(strays)
            await sweep(keeping: [])
        }
        isRecovered = true
        reconcile(observed)
    }

    private func sweepOnceReceived(_ strays: Set<String>) {
        logger.notice(
            "found containers of no known app; waiting for the other nodes' records before removing them",
            metadata: ["ids": "\(strays.sorted().joined(separator: ", "))", "for": "\(GoDuration.format(recordsWait))"]
        )
        queue.submit { [weak self, awaitsOthers, recordsWait, clock] in
            let end = clock.now + recordsWait
            while await awaitsOthers(), clock.now < end {
                guard (try? await clock.sleep(for: .milliseconds(100))) != nil else { return }
            }
            await self?.remove(strays)
        }
    }

    /// What carries our names but belongs to no slot of this node.
    private func strays(_ observed: [ObservedContainer]) async throws -> Set<String> {
        var strays = Set(observed.map(\.id))
        strays.formUnion(try await runner.network.attachedIDs())
        strays.formUnion(try await runner.files.ids())
        strays.formUnion(await addresses.ids(node: node.id))
        return strays.subtracting(slots.map(\.id.description))
    }

    /// Records the addresses that containers have and the disk does not know of, so that no other container gets them.
    func readAddresses(of observed: [ObservedContainer]) async throws {
        var ids = Set(observed.map(\.id))
        ids.formUnion(try await runner.network.attachedIDs())
        for id in ids.subtracting(await addresses.ids(node: node.id)).sorted() {
            do {
                guard let address = try await runner.network.address(id) else { continue }
                try await addresses.keep(address, of: id, node: node.id)
            } catch {
                logger.warning(
                    "cannot read a container's address",
                    metadata: ["id": "\(id)", "reason": "\(Cause(of: error).message)"]
                )
            }
        }
    }

    /// Removes what belongs to no slot, unless it does by now. A removal that fails is tried again.
    private func remove(_ strays: Set<String>) async {
        let ids = strays.sorted()
        let slots = ids.compactMap { ContainerID($0) }.filter { machines[$0]?.desired == nil }
        for id in slots { logger.info("removing what belongs to no app", metadata: ["id": "\(id)"]) }
        // At once, as each may have a process that takes its grace period to end.
        async let foreign: Void = removeForeign(ids.filter { ContainerID($0) == nil })
        _ = await request(slots, { _ in }, { machine, token in machine.requestRemoval(token) })
        await foreign
    }

    /// Removes what carries our labels under a name that no slot has.
    private func removeForeign(_ ids: [String]) async {
        for id in ids {
            logger.info("removing what belongs to no app", metadata: ["id": "\(id)"])
            var delay = SlotMachine.firstRetry
            while await !isForeignRemoved(id) {
                guard (try? await clock.sleep(for: delay)) != nil else { return }
                delay = min(delay * 2, Self.period)
            }
        }
    }

    private func isForeignRemoved(_ id: String) async -> Bool {
        do {
            try await runner.tearDown(id, grace: .zero)
            try await addresses.release(id, node: node.id)
            return true
        } catch {
            guard !Task.isCancelled else { return true }
            logger.warning(
                "cannot remove a container; retrying",
                metadata: ["id": "\(id)", "reason": "\(Cause(of: error).message)"]
            )
            return false
        }
    }

    /// Removes what is the node's in containerd and belongs to no container. Nothing may be created meanwhile.
    private func sweep(keeping strays: Set<String>) async {
        // What cannot be swept now must not keep the node from working.
        var swept: [String] = []
        do {
            swept += try await runner.runtime.sweep(keeping: strays.union(slots.map(\.id.description)))
        } catch {
            logger.warning("cannot sweep the host", metadata: ["reason": "\(Cause(of: error).message)"])
        }
        for thing in swept { logger.info("removed what no container owned", metadata: ["what": "\(thing)"]) }
    }
}
