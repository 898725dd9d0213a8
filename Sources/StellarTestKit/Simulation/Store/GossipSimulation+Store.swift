import StellarGossip
package import StellarStore
import StellarSystem

/// Stores on the nodes of a simulated cluster, driven like the daemon's driver: one transaction at a time, messages in
/// gossip, exchanges on streams.
extension GossipSimulation {
    // MARK: Steps of a scenario

    /// Gives a store to every node that starts from now on.
    package mutating func useStores(_ stores: StoreSimulation) { self.stores = stores }

    /// Writes at a node. The write is acknowledged once it is on the node's disk.
    package mutating func write(_ changes: [StoreChange], at index: Int) {
        guard nodes[index].isUp, !nodes[index].isPaused, nodes[index].store != nil else { return }
        nodes[index].store?.waiting.append((.write(changes), nil))
        drainStore(index)
    }

    /// Advances all wall clocks, without any other event.
    package mutating func pass(_ duration: Duration) {
        stores?.passed += duration.inNanoseconds / 1_000_000
    }

    /// Sets the error of a node's wall clock.
    package mutating func setClock(_ index: Int, wrongBy error: Duration) {
        nodes[index].store?.clockError = error.inNanoseconds / 1_000_000
    }

    /// Replaces a node's disk for its next life.
    package mutating func replaceDisk(of index: Int, with disk: SimulatedDisk) {
        nodes[index].store?.disk = disk
        nodes[index].store?.setBacks += 1
        stores?.ledger.replaced(disk, on: index, named: Self.name(index))
    }

    // MARK: Lives

    func storeNow(_ index: Int) -> StoreTime {
        let error = nodes[index].store?.clockError ?? 0
        let wall = StoreSimulation.beginning + time / 1_000_000 + (stores?.passed ?? 0) + error
        return StoreTime(
            monotonic: MonotonicTime(nanoseconds: localNow(index).nanoseconds),
            unixMilliseconds: UInt64(max(wall, 0))
        )
    }

    mutating func beginStore(_ index: Int) {
        guard let stores else { return }
        let disk = nodes[index].store?.disk ?? SimulatedDisk()
        let now = storeNow(index)
        let machine = StoreMachine(
            name: Self.name(index),
            image: disk.image,
            configuration: stores.configuration,
            now: now,
            using: &nodes[index].random
        )
        if nodes[index].store == nil {
            nodes[index].store = SimulatedStore(machine: machine, disk: disk)
        } else {
            nodes[index].store?.machine = machine
        }
    }

    /// Ends a node's store. A transaction under way may have reached the disk.
    mutating func crashStore(_ index: Int) {
        guard nodes[index].store != nil else { return }
        if let transaction = nodes[index].store?.transaction, random.chance(0.5) { put(transaction, on: index) }
        nodes[index].store?.transaction = nil
        nodes[index].store?.waiting = []
        nodes[index].store?.awaited = []
        for id in (stores?.exchanges ?? [:]).keys.sorted() where involves(index, id) {
            events.insert(.exchangeOver(id), at: time + network.delay(&random))
        }
    }

    mutating func applyMembership(_ event: GossipEvent, at index: Int) {
        guard nodes[index].store != nil else { return }
        let now = storeNow(index)
        switch event {
        case .joined(let member), .updated(let member): nodes[index].storeJoined(member.name, now: now)
        case .left(let member), .failed(let member): nodes[index].store?.machine.lost(member.name, now: now)
        default: return
        }
    }

    mutating func deliver(_ message: [UInt8], at index: Int) {
        let now = storeNow(index)
        nodes[index].storeReceive(message, now: now)
    }

    mutating func advanceStore(_ index: Int) {
        let now = storeNow(index)
        guard let deadline = nodes[index].store?.machine.deadline, deadline <= now.monotonic else { return }
        nodes[index].storeAdvance(now: now)
    }

    // MARK: The disk

    private mutating func put(_ transaction: StoreTransaction, on index: Int) {
        guard let disk = nodes[index].store?.disk else { return }
        stores?.ledger.stored(transaction, over: disk, on: index)
        nodes[index].store?.disk.apply(transaction)
    }

    /// Begins a transaction of all waiting inputs.
    private mutating func pump(_ index: Int) {
        while nodes[index].store?.transaction == nil, let waiting = nodes[index].store?.waiting, !waiting.isEmpty {
            nodes[index].store?.waiting = []
            let now = storeNow(index)
            guard let transaction = nodes[index].store?.machine.begin(waiting.map(\.input), now: now) else { return }
            nodes[index].store?.transaction = transaction
            nodes[index].store?.awaited = waiting.compactMap(\.exchange)
            if transaction.isEmpty {
                finishTransaction(index)
            } else {
                let most = stores?.diskDelay.inNanoseconds ?? 0
                let delay = Int64.random(in: most / 8...max(most, most / 8), using: &random)
                events.insert(.disk(index, life: nodes[index].life), at: time + delay)
            }
        }
    }

    mutating func diskIsDone(_ index: Int, _ life: Int) {
        guard nodes[index].isUp, nodes[index].life == life else { return }
        guard !nodes[index].isPaused else {
            events.insert(.disk(index, life: life), at: time + 10_000_000)
            return
        }
        finishTransaction(index)
        drainStore(index)
        schedule(index)
    }

    private mutating func finishTransaction(_ index: Int) {
        guard let transaction = nodes[index].store?.transaction else { return }
        put(transaction, on: index)
        for case .success(let entries) in transaction.written { stores?.ledger.acknowledge(entries, at: time) }
        let awaited = nodes[index].store?.awaited ?? []
        nodes[index].store?.transaction = nil
        nodes[index].store?.awaited = []
        let now = storeNow(index)
        nodes[index].store?.machine.commit(transaction, now: now)
        for id in awaited { exchangeStored(id, at: index) }
    }

    // MARK: Effects

    mutating func drainStore(_ index: Int) {
        guard nodes[index].store != nil, nodes[index].isUp else { return }
        pump(index)
        while let effects = nodes[index].store?.machine.takeEffects(), !effects.isEmpty {
            for effect in effects { perform(effect, at: index) }
            pump(index)
        }
        schedule(index)
    }

    private mutating func perform(_ effect: StoreEffect, at index: Int) {
        switch effect {
        case .store(let input): nodes[index].store?.waiting.append((input, nil))
        case .broadcast(let message, let subject): nodes[index].machine.broadcast(message, about: subject)
        case .send(let message, let name):
            guard let member = nodes[index].machine.member(named: name), member.isPresent else { return }
            let bytes = GossipMessage.user(message).encoded()
            send([bytes], from: index, to: member.endpoint, member.versions.maximum >= ProtocolVersions.checksum)
        case .exchange(let peer, let isFull): beginExchange(from: index, with: peer, isFull: isFull)
        case .changed(let entries): recordArrivals(entries, at: index)
        case .seen(let node, let stamp): checkWatermark(of: node, at: index, stamp)
        case .quarantined: break
        }
    }

    private mutating func recordArrivals(_ entries: [StoreEntry], at index: Int) {
        guard stores?.ledger.arrivals != nil else { return }
        for entry in entries where stores?.ledger.arrivals?[entry.stamp]?[index] == nil {
            stores?.ledger.arrivals?[entry.stamp, default: [:]][index] = time
        }
    }

    /// Checks a watermark. A node whose disk was set back did have those writes before.
    private mutating func checkWatermark(of name: String, at index: Int, _ stamp: StoreStamp) {
        guard let node = self.index(named: name), let store = nodes[node].store, store.setBacks == 0,
            store.disk.vector[Self.name(index)] < stamp
        else { return }
        stores?.ledger.add(.watermark, at: time, "node \(index) of node \(node)")
    }
}

extension GossipSimulation.Node {
    mutating func storeJoined(_ name: String, now: StoreTime) {
        store?.machine.joined(name, now: now, using: &random)
    }

    mutating func storeReceive(_ message: [UInt8], now: StoreTime) {
        do {
            try store?.machine.receive(message, now: now, using: &random)
        } catch {
            assertionFailure("only stores send user messages here: \(error)")
        }
    }

    mutating func storeAdvance(now: StoreTime) {
        store?.machine.advance(now: now, using: &random)
    }

    mutating func storeEnded(_ exchange: StoreExchange, failed: Bool, now: StoreTime) {
        store?.machine.exchangeEnded(exchange, failed: failed, now: now, using: &random)
    }
}
