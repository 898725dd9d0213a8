import StellarStore

/// Exchanges on simulated streams: messages arrive whole and in order, wait while the link is cut, and fail if an end
/// crashes or the exchange takes too long.
extension GossipSimulation {
    func involves(_ index: Int, _ id: Int) -> Bool {
        stores?.exchanges[id]?.ends.contains { $0.node == index && !$0.isOver } ?? false
    }

    mutating func beginExchange(from index: Int, with peer: String, isFull: Bool) {
        guard let exchange = nodes[index].store?.machine.exchange(with: peer, isFull: isFull) else { return }
        guard let to = self.index(named: peer), let id = stores?.nextExchange else { return }
        stores?.nextExchange += 1
        stores?.ledger.exchanges += 1
        let end = SimulatedExchange.End(node: index, life: nodes[index].life, exchange: exchange)
        stores?.exchanges[id] = SimulatedExchange(ends: [end], called: to)
        let limit = StoreSimulation.exchangeLimit.inNanoseconds
        events.insert(.exchangeOver(id), at: time + limit)
        events.insert(.exchangeOpen(id), at: time + 2 * network.delay(&random))
    }

    /// Delivers the call to the other end.
    mutating func openExchange(_ id: Int) {
        guard let exchange = stores?.exchanges[id], let caller = exchange.ends.first else { return }
        let called = exchange.called
        switch streamState(caller.node, caller.life, nodes[called].address) {
        case .broken: return endExchange(id)
        case .blocked: return events.insert(.exchangeOpen(id), at: time + Self.streamRetry)
        case .open: break
        }
        guard let theirs = nodes[called].store?.machine.exchange() else { return endExchange(id) }
        let end = SimulatedExchange.End(node: called, life: nodes[called].life, exchange: theirs)
        stores?.exchanges[id]?.ends.append(end)
        guard let effects = stores?.exchanges[id]?.ends[0].exchange.start() else { return }
        perform(effects, of: id, end: 0)
    }

    private mutating func perform(_ effects: [StoreExchangeEffect], of id: Int, end: Int) {
        for effect in effects {
            guard let node = stores?.exchanges[id]?.ends[end].node else { return }
            switch effect {
            case .send(let bytes):
                stores?.exchanges[id]?.ends[1 - end].inbound.append(bytes)
                events.insert(.exchangeMessage(id, end: 1 - end), at: time + network.delay(&random))
            case .store(let input): nodes[node].store?.waiting.append((input, id))
            case .more:
                guard let next = stores?.exchanges[id]?.ends[end].exchange.next() else { return }
                perform(next, of: id, end: end)
            case .finished: finish(id, end: end, failed: false)
            }
        }
    }

    mutating func exchangeStored(_ id: Int, at index: Int) {
        guard let end = stores?.exchanges[id]?.ends.firstIndex(where: { $0.node == index && !$0.isOver }),
            stores?.exchanges[id]?.ends[end].life == nodes[index].life,
            let effects = stores?.exchanges[id]?.ends[end].exchange.stored()
        else { return }
        perform(effects, of: id, end: end)
    }

    /// Delivers the next message to an end, in the order of sending.
    mutating func exchangeMessage(_ id: Int, end: Int) {
        guard let exchange = stores?.exchanges[id], exchange.ends.count == 2, !exchange.ends[end].isOver,
            let bytes = exchange.ends[end].inbound.first
        else { return }
        let (to, from) = (exchange.ends[end], exchange.ends[1 - end])
        guard nodes[to.node].life == to.life else { return endExchange(id) }
        switch streamState(from.node, from.life, nodes[to.node].address) {
        case .broken: return endExchange(id)
        case .blocked: return events.insert(.exchangeMessage(id, end: end), at: time + Self.streamRetry)
        case .open: break
        }
        guard !random.chance(network.streamBreaks) else { return endExchange(id) }
        // An end reads no message while the previous one is being written to the disk.
        let isStoring = nodes[to.node].store.map { store in
            store.awaited.contains(id) || store.waiting.contains { $0.exchange == id }
        }
        guard isStoring != true else {
            return events.insert(.exchangeMessage(id, end: end), at: time + 1_000_000)
        }
        stores?.exchanges[id]?.ends[end].inbound.removeFirst()
        do {
            let effects = try stores?.exchanges[id]?.ends[end].exchange.receive(bytes) ?? []
            perform(effects, of: id, end: end)
            drainStore(to.node)
        } catch {
            assertionFailure("only stores use these streams: \(error)")
            endExchange(id)
        }
    }

    /// Ends a broken or overdue exchange: it fails for each end that has not finished.
    mutating func endExchange(_ id: Int) {
        guard let exchange = stores?.exchanges[id] else { return }
        for end in exchange.ends.indices where !exchange.ends[end].isOver {
            let node = exchange.ends[end].node
            finish(id, end: end, failed: true)
            drainStore(node)
        }
        stores?.exchanges[id] = nil
    }

    private mutating func finish(_ id: Int, end: Int, failed: Bool) {
        guard let ended = stores?.exchanges[id]?.ends[end], !ended.isOver else { return }
        stores?.exchanges[id]?.ends[end].isOver = true
        if nodes[ended.node].isUp, nodes[ended.node].life == ended.life {
            let now = storeNow(ended.node)
            nodes[ended.node].storeEnded(ended.exchange, failed: failed, now: now)
        }
        let isOver = stores?.exchanges[id].map { $0.ends.count == 2 && $0.ends.allSatisfy(\.isOver) } ?? true
        if isOver { stores?.exchanges[id] = nil }
    }
}
