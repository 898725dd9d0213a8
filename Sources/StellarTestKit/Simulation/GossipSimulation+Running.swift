import StellarGossip
import StellarStore
import StellarSystem

/// Runs the cluster: one event after the other. Events cause effects, which cause later events.
extension GossipSimulation {
    /// Datagrams that the socket's buffer of a stopped process holds.
    private static let receiveBuffer = 1000
    /// How often a blocked stream tries again.
    static let streamRetry: Int64 = 100_000_000

    /// Runs for a time.
    public mutating func run(for duration: Duration) {
        let end = time + duration.inNanoseconds
        while let next = events.nextTime, next <= end, let (time, event) = events.popFirst() {
            self.time = max(self.time, time)
            handle(event)
        }
        time = end
    }

    /// Runs until a condition holds, checking it every `step`.
    ///
    /// - Returns: whether it held within `limit`.
    public mutating func run(
        within limit: Duration,
        every step: Duration = .milliseconds(100),
        until condition: (GossipSimulation) -> Bool
    ) -> Bool {
        let end = time + limit.inNanoseconds
        while !condition(self) {
            guard time < end else { return false }
            run(for: step)
        }
        return true
    }

    func localNow(_ index: Int) -> GossipTime { GossipTime(nanoseconds: nodes[index].clock.local(time)) }

    mutating func handle(_ event: Event) {
        switch event {
        case .wake(let index, let life):
            guard nodes[index].isUp, nodes[index].life == life, nodes[index].wake <= time else { return }
            guard !nodes[index].isPaused else { return }
            nodes[index].wake = .max
            guard checkWake(index) else { return }
            let now = localNow(index)
            nodes[index].advance(now: now)
            startAttempts(index)
            advanceStore(index)
            drain(index)
        case .datagram(let to, let from, let bytes): receive(event, to, from, bytes)
        case .exchange(let from, let life, let to, let isJoin, let end, let attempt):
            exchange(event, from, life, to, isJoin, end, attempt)
        case .streamPing(let from, let life, let to, let sequence, let end):
            answerStreamPing(event, from, life, to, sequence, end)
        case .resume(let index, let life): if nodes[index].life == life { resume(index) }
        case .noticed(let index, let life, let crash): checkNoticed(index, life, crash)
        case .disk(let index, let life): diskIsDone(index, life)
        case .exchangeOpen(let id): openExchange(id)
        case .exchangeMessage(let id, let end): exchangeMessage(id, end: end)
        case .exchangeOver(let id): endExchange(id)
        }
    }

    // MARK: Datagrams

    private mutating func receive(_ event: Event, _ address: Int, _ from: Int, _ bytes: [UInt8]) {
        let to = nodeOfAddress[address]
        guard nodes[to].isUp, nodes[to].address == address else { return }
        guard !nodes[to].isPaused else {
            if nodes[to].waiting.count < Self.receiveBuffer { nodes[to].waiting.append(event) }
            return
        }
        guard !network.isClogged(nodeOfAddress[from], to) else {
            events.insert(event, at: time + Self.streamRetry)
            return
        }
        let decoded = codec.decode(bytes[...])
        messages += decoded.messages.count
        let now = localNow(to)
        nodes[to].receive(decoded.messages, from: Self.endpoint(from), now: now)
        drain(to)
        checkViews(of: to, after: decoded.messages)
    }

    mutating func send(_ messages: [[UInt8]], from: Int, to endpoint: GossipEndpoint, _ hasChecksum: Bool) {
        var nonces = random
        guard let address = address(of: endpoint),
            let bytes = try? codec.encode(
                messages,
                hasChecksum: hasChecksum,
                nonce: { SealedBlock.Nonce(using: &nonces) }
            )
        else { return }
        random = nonces
        datagrams += 1
        datagramBytes += bytes.count
        checkDatagram(from, bytes.count)
        note(UInt64(truncatingIfNeeded: time) ^ UInt64(bytes.count) << 40 ^ UInt64(from) << 20 ^ UInt64(address))
        let copies = network.copies(from: from, to: nodeOfAddress[address], bytes: bytes.count, using: &random)
        for _ in 0..<copies {
            let arrival = time + network.delay(&random)
            events.insert(.datagram(to: address, from: nodes[from].address, bytes: bytes), at: arrival)
        }
    }

    // MARK: Streams

    /// The state of a stream between two nodes, in both directions.
    enum StreamState {
        case open
        /// Nothing gets through, or an end is paused; TCP retries.
        case blocked
        /// An end is down, or restarted.
        case broken
    }

    func streamState(_ from: Int, _ life: Int, _ address: Int) -> StreamState {
        let to = nodeOfAddress[address]
        guard nodes[from].isUp, nodes[from].life == life, nodes[to].isUp, nodes[to].address == address else {
            return .broken
        }
        let isOpen =
            network.connects(from, to) && network.connects(to, from) && !nodes[from].isPaused && !nodes[to].isPaused
            && !network.isClogged(from, to) && !network.isClogged(to, from)
        return isOpen ? .open : .blocked
    }

    /// Repeats an event a little later, until its time-out.
    ///
    /// - Returns: false after the time-out.
    private mutating func retry(_ event: Event, until end: Int64) -> Bool {
        let next = time + Self.streamRetry
        if next < end { events.insert(event, at: next) }
        return next < end
    }

    mutating func exchange(from: Int, to address: Int, isJoin: Bool, attempt: Int? = nil) {
        let end = time + configuration.streamTimeout.inNanoseconds
        let life = nodes[from].life
        let event = Event.exchange(from: from, life: life, to: address, isJoin: isJoin, end: end, attempt: attempt)
        events.insert(event, at: time + 2 * network.delay(&random))
    }

    private mutating func exchange(
        _ event: Event,
        _ from: Int,
        _ life: Int,
        _ address: Int,
        _ isJoin: Bool,
        _ end: Int64,
        _ attempt: Int?
    ) {
        switch streamState(from, life, address) {
        case .broken: return conclude(attempt, of: from, life: life, isAnswered: false)
        case .blocked:
            if !retry(event, until: end) { conclude(attempt, of: from, life: life, isAnswered: false) }
            return
        case .open: break
        }
        let to = nodeOfAddress[address]
        guard to != from else { return }
        let request = nodes[from].machine.localState(isJoin: isJoin)
        let response = nodes[to].machine.localState(isJoin: false)
        note(UInt64(truncatingIfNeeded: time) ^ UInt64(request.nodes.count) << 40 ^ UInt64(response.nodes.count) << 20)
        merge(request, at: to)
        let isWhole = !random.chance(network.streamBreaks)
        if isWhole { merge(response, at: from) }
        conclude(attempt, of: from, life: life, isAnswered: isWhole)
    }

    private mutating func merge(_ state: PushPull, at index: Int) {
        let now = localNow(index)
        nodes[index].merge(state, now: now)
        drain(index)
        checkViews(of: index, after: state)
    }

    private mutating func answerStreamPing(
        _ event: Event,
        _ from: Int,
        _ life: Int,
        _ address: Int,
        _ sequence: UInt32,
        _ end: Int64
    ) {
        switch streamState(from, life, address) {
        case .broken: return
        case .blocked: _ = retry(event, until: end)
        case .open: nodes[from].machine.streamAnswered(sequence: sequence)
        }
    }

    // MARK: Effects

    /// Runs the effects of a node's machine.
    mutating func drain(_ index: Int) {
        for effect in nodes[index].machine.takeEffects() {
            switch effect {
            case .send(let messages, let endpoint, let hasChecksum):
                send(messages, from: index, to: endpoint, hasChecksum)
            case .pingOnStream(let ping, let endpoint, let deadline):
                let arrival = time + 2 * network.delay(&random)
                let end = nodes[index].clock.real(deadline.nanoseconds)
                guard let to = address(of: endpoint), arrival <= end else { continue }
                let life = nodes[index].life
                let event = Event.streamPing(from: index, life: life, to: to, sequence: ping.sequence, end: end)
                events.insert(event, at: arrival)
            case .pushPull(let endpoint):
                guard let to = address(of: endpoint) else { continue }
                exchange(from: index, to: to, isJoin: false)
            case .event(let event):
                updateRejoin(event, at: index)
                applyMembership(event, at: index)
                observe(event, at: index)
                if keepsReports { reports.append((index, .event(event))) }
            case .deliver(let message):
                if keepsReports { reports.append((index, .message(message))) }
                deliver(message, at: index)
            }
        }
        checkNode(index)
        drainStore(index)
        schedule(index)
    }

    private mutating func observe(_ event: GossipEvent, at node: Int) {
        let (kind, name): (Observation.Kind, String)
        switch event {
        case .joined(let member): (kind, name) = (.joined, member.name)
        case .left(let member): (kind, name) = (.left, member.name)
        case .failed(let member): (kind, name) = (.failed, member.name)
        case .updated(let member): (kind, name) = (.updated, member.name)
        case .conflict(let member, other: _): (kind, name) = (.conflict, member.name)
        case .slept: (kind, name) = (.slept, Self.name(node))
        default: return
        }
        guard let subject = index(named: name) else { return }
        note(UInt64(truncatingIfNeeded: time) ^ UInt64(kind.rawValue) << 56 ^ UInt64(node) << 20 ^ UInt64(subject))
        let observation = Observation(time: time, node: node, subject: subject, kind: kind)
        if keepsObservations { observations.append(observation) }
        check(observation)
    }

    mutating func schedule(_ index: Int) {
        guard nodes[index].isUp, !nodes[index].isPaused else { return }
        var next = nodes[index].machine.deadline
        if !nodes[index].hasLeft, let due = nodes[index].rejoin?.deadline { next = min(next, due) }
        if let due = nodes[index].store?.machine.deadline {
            next = min(next, GossipTime(nanoseconds: due.nanoseconds))
        }
        let deadline = max(nodes[index].clock.real(next.nanoseconds), time)
        guard deadline < nodes[index].wake else { return }
        nodes[index].wake = deadline
        events.insert(.wake(index, life: nodes[index].life), at: deadline)
    }

    private mutating func note(_ word: UInt64) { trace = (trace ^ word) &* 0x100_0000_01B3 }
}

extension GossipSimulation {
    /// Whether all of `group` see exactly each other, as they are: alive, at their address, with their metadata and
    /// their own incarnation.
    public func agree(_ group: [Int]) -> Bool {
        // First a quick check, which mostly fails.
        guard group.allSatisfy({ nodes[$0].machine.presentCount == group.count }) else { return false }
        for subject in group {
            let truth = nodes[subject].machine.own
            for observer in group {
                guard let seen = nodes[observer].machine.member(named: truth.name), seen.state == .alive,
                    seen.incarnation == truth.incarnation, seen.endpoint == truth.endpoint,
                    seen.metadata == truth.metadata
                else { return false }
            }
        }
        return true
    }
}
