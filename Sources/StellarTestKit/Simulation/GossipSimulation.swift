public import StellarGossip

/// A cluster of shipped membership machines in one thread, on a simulated network and with simulated clocks. One seed
/// determines the run.
///
/// Every datagram goes through the shipped codec, as bytes. A stream is one whole exchange, which waits while the link
/// is blocked, as TCP does, until its time-out.
///
/// This file has what a scenario can do to the cluster. `+Running` runs it, `+Checks` checks the guarantees.
public struct GossipSimulation {
    public internal(set) var nodes: [Node] = []
    public var network = SimulatedNetwork() {
        didSet { noteDesign() }
    }
    public let configuration: GossipConfiguration
    public let codec: PacketCodec
    /// Nanoseconds since the start.
    public internal(set) var time: Int64 = 0
    /// The events of all nodes about each other.
    public internal(set) var observations: [Observation] = []
    /// Switch it off if the observations of thousands of nodes would fill the memory.
    public var keepsObservations = true
    /// Whether it keeps what the machines report to their drivers, for ``takeReports()``.
    package var keepsReports = false
    var reports: [(node: Int, report: Report)] = []
    public internal(set) var datagrams = 0
    public internal(set) var datagramBytes = 0
    public internal(set) var messages = 0
    /// A digest of the whole run, to compare runs (FNV-1a, a word at a time).
    public internal(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    /// nil: nothing is checked.
    public var checks: SimulationChecks?

    /// Whether nodes look for lost peers. Without it they behave like memberlist nodes.
    public let rejoins: Bool

    var events = EventHeap<Event>()
    var random: SplitMix64
    /// The node that has the n-th address.
    var nodeOfAddress: [Int] = []
    /// Running attempts to reach a lost peer.
    var attempts: [Int: Rejoin.Attempt] = [:]
    var nextAttempt = 0
    /// nil: the nodes have no store.
    package internal(set) var stores: StoreSimulation?

    /// An event of one node's machine about another node.
    public struct Observation: Sendable, Hashable {
        public enum Kind: UInt8, Sendable { case joined, left, failed, updated, conflict, slept }

        public var time: Int64
        public var node: Int
        public var subject: Int
        public var kind: Kind
    }

    enum Event: Sendable {
        case wake(Int, life: Int)
        /// Addresses, not nodes: the node that has the address then gets it.
        case datagram(to: Int, from: Int, bytes: [UInt8])
        case exchange(from: Int, life: Int, to: Int, isJoin: Bool, end: Int64, attempt: Int?)
        case streamPing(from: Int, life: Int, to: Int, sequence: UInt32, end: Int64)
        case resume(Int, life: Int)
        /// At this time all nodes must have noticed the crash.
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

    /// The running nodes, including paused ones.
    public var up: [Int] { nodes.indices.filter { nodes[$0].isUp } }

    // MARK: Start, crash, restart

    /// Starts a node that joins another.
    ///
    /// - Parameter rate: the rate of its clock.
    @discardableResult
    public mutating func start(joining peer: Int? = nil, rate: Double = 1) -> Int {
        let index = nodes.count
        var own = SplitMix64(seed: random.next())
        // Clocks start anywhere.
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

    /// Ends a node's process; its state in memory is lost.
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

    /// Starts a crashed node again. Its new life knows the peers that the earlier one saved.
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
        drain(index)
    }

    /// A node leaves the cluster; it continues to run.
    public mutating func leave(_ index: Int) {
        let now = localNow(index)
        nodes[index].hasLeft = true
        nodes[index].everLeft = true
        nodes[index].machine.leave(now: now)
        drain(index)
    }

    // MARK: Pauses and clocks

    /// Stops a node as by SIGSTOP: datagrams wait, no timer runs.
    ///
    /// - Parameter duration: after it the node resumes by itself.
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
        drain(index)
    }

    /// Replaces a node's machine with an earlier one, like a virtual machine that is set back to a snapshot. No
    /// guarantee holds then: it proves that the checks notice.
    public mutating func setBack(_ index: Int, to machine: MembershipMachine) {
        nodes[index].machine = machine
        drain(index)
    }

    /// Delivers a forged message.
    public mutating func forge(_ message: GossipMessage, at index: Int) {
        let now = localNow(index)
        nodes[index].receive([message], from: Self.endpoint(nodes[index].address), now: now)
        drain(index)
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
