public import StellarGossip

/// A cluster of the shipped membership machine in one thread, on a simulated network and clock, decided by one seed.
///
/// Every datagram goes through the shipped codec, as bytes. Streams are whole exchanges: they get through if the way is
/// open in both directions when they begin and when they end.
public struct GossipSimulation {
    /// One node: its machine, and what the simulation knows of it.
    public struct Node {
        public let index: Int
        public var machine: MembershipMachine
        public var isUp = true
        /// Stopped as by SIGSTOP: what arrives waits, no timer runs.
        public var isPaused = false
        var random: SplitMix64
        /// The wake-up that counts; earlier ones that are still queued do not.
        var wake: Int64 = .max
        var waiting: [Event] = []
        /// Life number: what was sent to an earlier one is lost.
        var life = 0

        mutating func advance(now: GossipTime) {
            machine.advance(now: now, using: &random)
        }

        mutating func receive(_ messages: [GossipMessage], from source: GossipEndpoint, now: GossipTime) {
            for message in messages { machine.receive(message, from: source, now: now, using: &random) }
        }

        mutating func merge(_ state: PushPull, now: GossipTime) {
            do {
                try machine.merge(state, now: now, using: &random)
            } catch {
                assertionFailure("all speak one version: \(error)")
            }
        }
    }

    enum Event: Sendable {
        case wake(Int, life: Int)
        case datagram(to: Int, from: Int, bytes: [UInt8])
        case exchange(from: Int, to: Int, isJoin: Bool)
        case streamPing(from: Int, to: Int, sequence: UInt32)
    }

    public private(set) var nodes: [Node] = []
    public var network = SimulatedNetwork()
    public let configuration: GossipConfiguration
    public let codec: PacketCodec
    /// Nanoseconds since the beginning.
    public private(set) var time: Int64 = 0
    /// What happened: who saw whom how. The checkers read it.
    public private(set) var observations: [Observation] = []
    public private(set) var datagrams = 0
    public private(set) var datagramBytes = 0
    public private(set) var largestDatagram = 0
    /// A digest of everything that happened, to compare runs by.
    public private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325

    private var events = EventHeap<Event>()
    private var random: SplitMix64

    /// An event that one node's machine told of another.
    public struct Observation: Sendable, Hashable {
        public var time: Int64
        public var node: Int
        public var event: GossipEvent
    }

    public init(seed: UInt64, configuration: GossipConfiguration = .lan, codec: PacketCodec = PacketCodec()) {
        random = SplitMix64(seed: seed)
        self.configuration = configuration
        self.codec = codec
    }

    public var now: GossipTime { GossipTime(nanoseconds: time) }

    // MARK: What a scenario does

    /// Starts a node, and has it join another.
    @discardableResult
    public mutating func start(joining peer: Int? = nil) -> Int {
        let index = nodes.count
        var own = SplitMix64(seed: random.next())
        let machine = machine(index, using: &own)
        nodes.append(Node(index: index, machine: machine, random: own))
        settle(index)
        if let peer { join(index, peer) }
        return index
    }

    private func machine(_ index: Int, using random: inout SplitMix64) -> MembershipMachine {
        MembershipMachine(
            name: "n\(index)",
            endpoint: Self.endpoint(index),
            configuration: configuration,
            codecOverhead: codec.overhead,
            now: now,
            using: &random
        )
    }

    public mutating func join(_ index: Int, _ peer: Int) {
        events.insert(.exchange(from: index, to: peer, isJoin: true), at: time + delay())
    }

    /// The process is gone, with all that it knew.
    public mutating func crash(_ index: Int) {
        nodes[index].isUp = false
        nodes[index].waiting = []
        nodes[index].life += 1
    }

    /// The same name and address, a new life.
    public mutating func restart(_ index: Int, joining peer: Int) {
        var own = nodes[index].random
        nodes[index].machine = machine(index, using: &own)
        nodes[index].random = own
        nodes[index].isUp = true
        nodes[index].isPaused = false
        nodes[index].wake = .max
        settle(index)
        join(index, peer)
    }

    public mutating func pause(_ index: Int) {
        nodes[index].isPaused = true
    }

    public mutating func resume(_ index: Int) {
        nodes[index].isPaused = false
        let waiting = nodes[index].waiting
        nodes[index].waiting = []
        for event in waiting { events.insert(event, at: time) }
        schedule(index)
    }

    public mutating func leave(_ index: Int) {
        let now = now
        nodes[index].machine.leave(now: now)
        settle(index)
    }

    // MARK: Running

    /// Runs for a time.
    public mutating func run(for duration: Duration) {
        let end = (now + duration).nanoseconds
        while let next = events.nextTime, next <= end {
            guard let (time, event) = events.popFirst() else { break }
            self.time = max(self.time, time)
            handle(event)
        }
        time = end
    }

    /// Runs until a condition holds, asking every `step`.
    ///
    /// - Returns: whether it held within `limit`.
    public mutating func run(
        within limit: Duration,
        every step: Duration = .milliseconds(100),
        until condition: (GossipSimulation) -> Bool
    ) -> Bool {
        let end = (now + limit).nanoseconds
        while !condition(self) {
            guard time < end else { return false }
            run(for: step)
        }
        return true
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .wake(let index, let life):
            guard nodes[index].isUp, nodes[index].life == life, nodes[index].wake <= time else { return }
            guard !nodes[index].isPaused else { return }
            nodes[index].wake = .max
            let now = now
            nodes[index].advance(now: now)
            settle(index)
        case .datagram(let to, let from, let bytes):
            receive(event, to, from, bytes)
        case .exchange(let from, let to, let isJoin):
            exchange(from, to, isJoin)
        case .streamPing(let from, let to, let sequence):
            guard connected(from, to) else { return }
            nodes[from].machine.streamAnswered(sequence: sequence)
        }
    }

    private mutating func receive(_ event: Event, _ to: Int, _ from: Int, _ bytes: [UInt8]) {
        guard nodes[to].isUp else { return }
        guard !nodes[to].isPaused else {
            // As many as a socket's buffer holds.
            if nodes[to].waiting.count < 1000 { nodes[to].waiting.append(event) }
            return
        }
        let decoded = codec.decode(bytes[...])
        let now = now
        nodes[to].receive(decoded.messages, from: Self.endpoint(from), now: now)
        settle(to)
    }

    private func connected(_ one: Int, _ other: Int) -> Bool {
        network.connects(one, other) && network.connects(other, one) && isReachable(one) && isReachable(other)
    }

    private func isReachable(_ index: Int) -> Bool { nodes[index].isUp && !nodes[index].isPaused }

    private mutating func exchange(_ from: Int, _ to: Int, _ isJoin: Bool) {
        guard connected(from, to) else { return }
        let asked = nodes[from].machine.localState(isJoin: isJoin)
        let answered = nodes[to].machine.localState(isJoin: false)
        let now = now
        nodes[to].merge(asked, now: now)
        nodes[from].merge(answered, now: now)
        settle(to)
        settle(from)
    }

    /// Does what the machine wants done.
    private mutating func settle(_ index: Int) {
        for effect in nodes[index].machine.takeEffects() {
            switch effect {
            case .send(let messages, let endpoint, let hasChecksum):
                send(messages, from: index, to: endpoint, hasChecksum)
            case .pingOnStream(let ping, let endpoint, let deadline):
                let arrival = time + 2 * delay()
                guard let to = self.index(of: endpoint), arrival <= deadline.nanoseconds else { continue }
                events.insert(.streamPing(from: index, to: to, sequence: ping.sequence), at: arrival)
            case .pushPull(let endpoint):
                guard let to = self.index(of: endpoint) else { continue }
                events.insert(.exchange(from: index, to: to, isJoin: false), at: time + 2 * delay())
            case .event(let event):
                observations.append(Observation(time: time, node: index, event: event))
            case .deliver:
                break
            }
        }
        schedule(index)
    }

    private mutating func send(
        _ messages: [[UInt8]],
        from: Int,
        to endpoint: GossipEndpoint,
        _ hasChecksum: Bool
    ) {
        var nonces = random
        guard let to = index(of: endpoint),
            let bytes = try? codec.encode(
                messages,
                hasChecksum: hasChecksum,
                nonce: { SealedBlock.Nonce(using: &nonces) }
            )
        else { return }
        random = nonces
        datagrams += 1
        datagramBytes += bytes.count
        largestDatagram = max(largestDatagram, bytes.count)
        note(UInt64(truncatingIfNeeded: time) ^ UInt64(bytes.count) << 40 ^ UInt64(from) << 20 ^ UInt64(to))
        for delay in network.deliveries(from: from, to: to, bytes: bytes.count, using: &random) {
            events.insert(.datagram(to: to, from: from, bytes: bytes), at: (now + delay).nanoseconds)
        }
    }

    private mutating func schedule(_ index: Int) {
        guard nodes[index].isUp, !nodes[index].isPaused else { return }
        let deadline = max(nodes[index].machine.deadline.nanoseconds, time)
        guard deadline < nodes[index].wake else { return }
        nodes[index].wake = deadline
        events.insert(.wake(index, life: nodes[index].life), at: deadline)
    }

    private mutating func delay() -> Int64 { (GossipTime(nanoseconds: 0) + network.delay(&random)).nanoseconds }

    /// FNV-1a, a word at a time.
    private mutating func note(_ word: UInt64) { trace = (trace ^ word) &* 0x100_0000_01B3 }

    // MARK: Addresses

    private static let port: UInt16 = 7946

    /// Node 258 is 10.0.1.2.
    public static func endpoint(_ index: Int) -> GossipEndpoint {
        let bytes: [UInt8] = [10, UInt8(index >> 16), UInt8(index >> 8 & 255), UInt8(index & 255)]
        return GossipEndpoint(address: WireAddress(bytes) ?? .none, port: port)
    }

    private func index(of endpoint: GossipEndpoint) -> Int? {
        guard let address = endpoint.address.ipv4, endpoint.port == Self.port else { return nil }
        let index = Int(address & 0xFF_FFFF)
        return index < nodes.count ? index : nil
    }
}

extension GossipSimulation {
    /// Whether all of `group` see exactly each other as alive.
    public func agree(_ group: [Int]) -> Bool {
        group.allSatisfy { index in
            nodes[index].machine.presentCount == group.count
                && group.allSatisfy { nodes[index].machine.member(named: "n\($0)")?.state == .alive }
        }
    }
}
