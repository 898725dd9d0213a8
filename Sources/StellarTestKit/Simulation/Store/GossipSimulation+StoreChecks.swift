import StellarGossip
import StellarStore

/// Checks the store's guarantees. A check does not change the simulation.
extension GossipSimulation {
    /// The longest time from the end of all faults until all stores are equal: membership converges, then every node
    /// starts exchanges with others, several times, as streams may break.
    private var convergenceLimit: Duration {
        let bounds = SimulationBounds(configuration: configuration, nodes: nodes.count)
        return bounds.convergence + (stores?.configuration.probeAtRest ?? .zero) * 6 + StoreSimulation.exchangeLimit
    }

    /// Whether all running nodes hold the same writes, have everything on their disks, and have no work left.
    package var storesAgree: Bool {
        let stores = up.compactMap { nodes[$0].store }
        guard let first = stores.first else { return true }
        let floor = stores.map(\.machine.purged.greatest).max() ?? .zero
        let tombstones = first.machine.tombstoneDigest(after: floor)
        return stores.allSatisfy { store in
            store.machine.digest == first.machine.digest && store.machine.vector == first.machine.vector
                && store.machine.tombstoneDigest(after: floor) == tombstones && store.transaction == nil
                && store.waiting.isEmpty
        }
    }

    /// Runs until the stores of all running nodes are equal, at most for the limit, and checks what they hold.
    @discardableResult
    package mutating func convergeStores() -> Bool {
        let limit = convergenceLimit
        guard run(within: limit, every: .milliseconds(250), until: { $0.storesAgree }) else {
            let sums = up.compactMap { index in
                nodes[index].store.map { "\(index): \(String($0.machine.digest, radix: 16)) \($0.machine.vector.all)" }
            }
            stores?.ledger.add(.different, at: time, "after \(limit); \(sums.joined(separator: "; "))")
            return false
        }
        checkStores()
        return true
    }

    private mutating func checkStores() {
        let quarantined = Set(up.flatMap { nodes[$0].store?.disk.quarantined.map(\.entry) ?? [] })
        if !quarantined.isEmpty, stores?.ledger.expectsQuarantine == false {
            let texts = quarantined.map(StoreLedger.text).sorted().joined(separator: ", ")
            stores?.ledger.add(.quarantine, at: time, texts)
        }
        for index in up {
            guard let store = nodes[index].store else { continue }
            stores?.ledger.check(store.disk, of: index, quarantined: quarantined, at: time)
            let image = store.disk.image
            if store.machine.everything != image.entries || store.machine.vector != image.vector
                || store.machine.purged != image.purged || store.machine.quarantined != image.quarantined
            {
                stores?.ledger.add(.disk, at: time, "node \(index)")
            }
            for other in up where other != index {
                let said = store.machine.watermarks[Self.name(other)] ?? .zero
                guard let truth = nodes[other].store?.disk.vector[Self.name(index)], said > truth else { continue }
                stores?.ledger.add(.watermark, at: time, "node \(index) of node \(other), after it came back")
            }
        }
    }

    /// From now on entries may be quarantined.
    package mutating func expectQuarantine() { stores?.ledger.expectsQuarantine = true }

    /// Makes a node forget another one, which does not come back.
    package mutating func forget(_ goner: Int, at index: Int) {
        guard nodes[index].machine.forget(Self.name(goner)) else { return }
        nodes[index].rejoin?.forget(Self.name(goner))
        nodes[index].store?.machine.forget(Self.name(goner))
        drain(index)
    }
}
