public import StellarGossip

/// A cluster of the shipped membership machine in one thread, on a simulated network and with simulated clocks, decided
/// by one seed.
///
/// Every datagram goes through the shipped codec, as bytes. Streams are whole exchanges, which wait while the way is
/// closed, as TCP does, until their time is over.
///
/// Here is what a scenario does to the cluster; `+Running` moves it on in time, `+Checks` looks whether what was promised
/// is kept.
public struct GossipSimulation {
    public internal(set) var nodes: [Node] = []
    public var network = SimulatedNetwork() {
        didSet { noteDesign() }
    }
    public let configuration: GossipConfiguration
    public let codec: PacketCodec
    /// Nanoseconds since the beginning.
    public internal(set) var time: Int64 = 0
    /// Who saw whom how, and when.
    public internal(set) var observations: [Observation] = []
    /// Off where thousands of nodes would fill the memory with them.
    public var keepsObservations = true
    public internal(set) var datagrams = 0
    public internal(set) var datagramBytes = 0
    public internal(set) var messages = 0
    /// A digest of everything that happened, to compare runs by (FNV-1a, a word at a time).
    public internal(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    /// nil: nothing is checked.
    public var checks: SimulationChecks?

    /// Whether nodes look for those that are not there. Off, they are nodes of memberlist's.
    public let rejoins: Bool

    var events = EventHeap<Event>()
    var random: SplitMix64
    /// Who has the n-th address.
    var nodeOfAddress: [Int] = []
    /// Tries to reach a lost node, under way.
    var attempts: [Int: Rejoin.Try] = [:]
    var nextAttempt = 0
    /// nil: the nodes have none.
    package internal(set) var stores: StoreSimulation?

    /// An event that one node's machine told of another.
    public struct Observation: Sendable, Hashable {
        public enum Kind: UInt8, Sendable { case joined, left, failed, updated, conflict, slept }

        public var time: Int64
        public var node: Int
        public var subject: Int
        public var kind: Kind
    }

    enum Event: Sendable {
        case wake(Int, life: Int)
        /// Addresses, not nodes: whoever is there gets it.
        case datagram(to: Int, from: Int, bytes: [UInt8])
        case exchange(from: Int, life: Int, to: Int, isJoin: Bool, end: Int64, attempt: Int?)
        case streamPing(from: Int, life: Int, to: Int, sequence: UInt32, end: Int64)
        case resume(Int, life: Int)
        /// By now all must have noticed the crash.
        case noticed(Int, life: Int, crash: Int64)
        /// A transaction is on the disk.
        case disk(Int, life: Int)
        case exchangeOpen(Int)
        case exchangeMessage(Int, end: Int)
        case exchangeOver(Int)
    }

    public init(
        seed: UInt64,
        configuration: GossipConfiguration = .lan,
        codec: PacketCodec = PacketCodec(),
        rejoins: Bool = true,
        checks: SimulationChecks? = nil
    ) {
        random = SplitMix64(seed: seed)
        self.configuration = configuration
        self.codec = codec
        self.rejoins = rejoins
        self.checks = checks
    }

    public var now: GossipTime { GossipTime(nanoseconds: time) }

    /// The nodes that run, stopped ones with them.
    public var up: [Int] { nodes.indices.filter { nodes[$0].isUp } }

    // MARK: Coming and going

    /// Starts a node, and has it join another.
    ///
    /// - Parameter rate: of its clock.
    @discardableResult
    public mutating func start(joining peer: Int? = nil, rate: Double = 1) -> Int {
        let index = nodes.count
        var own = SplitMix64(seed: random.next())
        // Clocks begin anywhere.
        var clock = SimulatedClock(real: time, local: Int64(own.next() >> 4))
        clock.run(at: rate, from: time)
        let address = newAddress(of: index)
        let machine = machine(index, address, clock, using: &own)
        nodes.append(Node(index: index, address: address, machine: machine, clock: clock, random: own, start: time))
        checks?.started(index)
        begin(index, joining: peer, known: [])
        return index
    }

    private func machine(
        _ index: Int,
        _ address: Int,
        _ clock: SimulatedClock,
        using random: inout SplitMix64
    ) -> MembershipMachine {
        MembershipMachine(
            name: Self.name(index),
            endpoint: Self.endpoint(address),
            configuration: configuration,
            codecOverhead: codec.overhead,
            now: GossipTime(nanoseconds: clock.local(time)),
            using: &random
        )
    }

    public mutating func join(_ index: Int, _ peer: Int) {
        exchange(from: index, to: nodes[peer].address, isJoin: true)
    }

    /// The process is gone, with all that it knew.
    public mutating func crash(_ index: Int) {
        guard nodes[index].isUp else { return }
        nodes[index].isUp = false
        nodes[index].isPaused = false
        nodes[index].waiting = []
        nodes[index].life += 1
        nodes[index].changed = time
        noteCrash(index)
        crashStore(index)
    }

    /// The same name, a new life, which knows the peers that the earlier one saved.
    public mutating func restart(_ index: Int, joining peer: Int, atNewAddress: Bool = false) {
        let known = savedPeers(index)
        var own = nodes[index].random
        if atNewAddress { nodes[index].address = newAddress(of: index) }
        nodes[index].machine = machine(index, nodes[index].address, nodes[index].clock, using: &own)
        nodes[index].random = own
        nodes[index].isUp = true
        nodes[index].hasLeft = false
        nodes[index].wake = .max
        nodes[index].changed = time
        checks?.started(index)
        begin(index, joining: peer, known: known)
    }

    private mutating func begin(_ index: Int, joining peer: Int?, known: [KnownPeer]) {
        beginStore(index)
        if rejoins {
            beginRejoin(index, declared: peer, known: known)
        } else if let peer {
            join(index, peer)
        }
        settle(index)
    }

    /// Says farewell; it goes on running.
    public mutating func leave(_ index: Int) {
        let now = localNow(index)
        nodes[index].hasLeft = true
        nodes[index].everLeft = true
        nodes[index].machine.leave(now: now)
        settle(index)
    }

    // MARK: Standing still, and other times

    /// Stops a node as by SIGSTOP: what arrives waits, no timer runs.
    ///
    /// - Parameter duration: after which it goes on by itself.
    public mutating func pause(_ index: Int, for duration: Duration? = nil) {
        guard nodes[index].isUp, !nodes[index].isPaused else { return }
        nodes[index].isPaused = true
        nodes[index].changed = time
        if let duration { events.insert(.resume(index, life: nodes[index].life), at: time + duration.inNanoseconds) }
    }

    public mutating func resume(_ index: Int) {
        guard nodes[index].isPaused else { return }
        nodes[index].isPaused = false
        notePause(index, time - nodes[index].changed)
        let waiting = nodes[index].waiting
        nodes[index].waiting = []
        nodes[index].wake = .max
        for event in waiting { events.insert(event, at: time) }
        schedule(index)
    }

    /// Moves a node's clock ahead.
    public mutating func stepClock(_ index: Int, by duration: Duration) {
        nodes[index].clock.step(by: duration.inNanoseconds)
        // Its kernel's timers run on the same clock.
        nodes[index].wake = .max
        schedule(index)
    }

    public mutating func update(_ index: Int, metadata: [UInt8]) {
        _ = nodes[index].machine.update(metadata: metadata)
        settle(index)
    }

    /// Puts an earlier machine in a node's place, as a virtual machine that is set back to a snapshot. Nothing promises
    /// that it goes well: the checks are shown with it that they notice.
    public mutating func setBack(_ index: Int, to machine: MembershipMachine) {
        nodes[index].machine = machine
        settle(index)
    }

    /// Delivers a message that nobody sent.
    public mutating func forge(_ message: GossipMessage, at index: Int) {
        let now = localNow(index)
        nodes[index].receive([message], from: Self.endpoint(nodes[index].address), now: now)
        settle(index)
        checkViews(of: index, after: [message])
    }

    // MARK: Names and addresses

    private static let port: UInt16 = 7946

    static func name(_ index: Int) -> String { "n\(index)" }

    /// The node of a name.
    func index(named name: String) -> Int? {
        guard let index = Int(name.dropFirst()), nodes.indices.contains(index) else { return nil }
        return index
    }

    private mutating func newAddress(of index: Int) -> Int {
        nodeOfAddress.append(index)
        return nodeOfAddress.count - 1
    }

    /// Address 258 is 10.0.1.2.
    static func endpoint(_ address: Int) -> GossipEndpoint {
        let bytes: [UInt8] = [10, UInt8(address >> 16), UInt8(address >> 8 & 255), UInt8(address & 255)]
        return GossipEndpoint(address: WireAddress(bytes) ?? .none, port: port)
    }

    func address(of endpoint: GossipEndpoint) -> Int? {
        guard let number = endpoint.address.ipv4, endpoint.port == Self.port else { return nil }
        let address = Int(number & 0xFF_FFFF)
        return address < nodeOfAddress.count ? address : nil
    }
}
