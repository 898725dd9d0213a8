import Logging
import StellarCore
import StellarGossip
import StellarNet
import StellarRPC
import StellarStorage
import StellarSystem

/// This node's part in the cluster's network: it claims a subnet (``SubnetClaims``), gives it to everything that has to know
/// it, moves to another where it must, and keeps the ways to the other nodes' containers (``OverlayPlan``).
///
/// It looks again whenever claims or other nodes' facts change in the store, and now and then by itself: at what somebody
/// took away on the host, too.
actor NodeNetwork {
    /// What it is told once.
    struct Settings: Sendable {
        var node: String
        /// What is cut into one subnet per node.
        var network: IPv4Subnet
        /// Where the other nodes reach this host; nil where that is no IPv4 address.
        var address: IPv4Address?
        var overlay: OverlayMode
        /// Whether it was told of other nodes.
        var hasPeers: Bool
        /// How often it looks by itself: what somebody flushed on the host is missing for this long at most. A look costs some
        /// milliseconds of CPU.
        var period = Duration.seconds(30)
    }

    /// How often it looks while containers may not start: others' answers come without a change in the store.
    static let restlessPeriod = Duration.milliseconds(250)
    /// While a claim settles, how long others are waited for that do not say by themselves that they have it, and are asked.
    static let answerPeriod = Duration.seconds(1)
    /// How long a create waits for the subnet. A claim settles within ``SubnetClaims/lookLimit`` and
    /// ``SubnetClaims/settleLimit``, and most often in a second.
    static let patience = Duration.seconds(25)

    let settings: Settings
    private let store: any StorePort
    private let database: Database
    private let gossip: any GossipPort
    private let host: any SubnetPort
    private let addresses: AddressBook
    private let files: HostFiles
    private let logger: Logger
    private let turn = KeyedLock<Int>()
    private let clock = ContinuousClock()
    private let now: @Sendable () -> Duration

    private var claims: SubnetClaims
    /// The subnet that everything on this host has been given.
    private var used: IPv4Subnet?
    private var kept: SubnetClaim?
    /// Whether there should be other nodes: it was told of some, or knew some.
    private var expectsOthers = false
    private var outcome = Overlay.Outcome()
    private var overlayProblem: String?
    /// Nodes that use another overlay, in words.
    private var mismatches: [String] = []
    private var told: Set<String> = []
    /// Up to which of this node's writes others have everything, as they answered when they were asked.
    private var answered: [String: UInt64] = [:]
    /// Tells that containers may not start, for now.
    private let unsettled: AsyncStream<Void>
    private let unsettle: AsyncStream<Void>.Continuation
    private var onMove: @Sendable () async throws -> Void = {}
    /// The subnet that the containers are on, as it is on the disk; nil where there were none yet.
    private var placed: IPv4Subnet?
    /// The containers are still to be moved to the subnet that the host has.
    private var owesMove = false

    init(
        _ settings: Settings,
        store: any StorePort,
        database: Database,
        gossip: any GossipPort,
        host: any SubnetPort,
        addresses: AddressBook,
        files: HostFiles,
        now: @escaping @Sendable () -> Duration = NodeNetwork.sinceStart(),
        logger: Logger
    ) {
        self.settings = settings
        (self.store, self.database, self.gossip) = (store, database, gossip)
        (self.host, self.addresses, self.files) = (host, addresses, files)
        (self.now, self.logger) = (now, logger)
        (unsettled, unsettle) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        claims = SubnetClaims(node: settings.node, network: settings.network, now: now())
    }

    static func sinceStart() -> @Sendable () -> Duration {
        let start = ContinuousClock.now
        return { ContinuousClock.now - start }
    }

    // MARK: For the rest of the daemon

    var standing: SubnetClaims.Standing { claims.standing }

    /// What does not work, in words.
    var problems: [String] {
        var problems: [String] = []
        switch claims.standing {
        case .looking, .settling, .held: break
        case .disputed(let subnet, let node):
            problems.append("\(node) has an older claim of \(subnet); this node moves")
        case .exhausted(let reason): problems.append(reason)
        }
        if let overlayProblem { problems.append("overlay: \(overlayProblem)") }
        for route in outcome.routes {
            guard let problem = route.problem else { continue }
            problems.append("overlay: \(route.destination)\(route.node.map { " of \($0)" } ?? ""): \(problem)")
        }
        return problems + mismatches
    }

    /// Called, once, before anything else: what to do when the node has moved to another subnet.
    func whenMoved(_ body: @escaping @Sendable () async throws -> Void) { onMove = body }

    /// The subnet that containers may start on. Waits, within bounds, while a claim settles.
    ///
    /// - Throws: `RPCError` Unavailable with the reason.
    @discardableResult
    func settledSubnet() async throws -> IPv4Subnet {
        let limit = clock.now + Self.patience
        while true {
            if isSettled, let used { return used }
            guard clock.now < limit else { throw RPCError(.unavailable, whyUnsettled) }
            try await Task.sleep(for: Self.restlessPeriod / 5)
        }
    }

    private var isSettled: Bool {
        if case .held(let subnet) = claims.standing { subnet == used } else { false }
    }

    private var whyUnsettled: String {
        switch claims.standing {
        case .looking: "this node has no subnet yet: it looks for the nodes that it was told of; try again in a moment"
        case .settling(let subnet): "\(subnet) is this node's once all nodes have heard of it; try again in a moment"
        case .disputed(let subnet, let node):
            "\(node) has an older claim of \(subnet); try again when this node has moved"
        case .exhausted(let reason): reason
        case .held(let subnet): "\(subnet) is not in use yet: \(host.problem ?? "try again in a moment")"
        }
    }

    /// Everybody's claims as they stand, and what this host has of the ways there.
    func overview() -> NetworkOverview {
        NetworkOverview(
            node: settings.node,
            network: settings.network,
            mode: settings.overlay,
            standing: claims.standing,
            table: SubnetTable(claimed),
            facts: facts(),
            outcome: outcome,
            waiting: isSettled ? "" : whyUnsettled
        )
    }

    // MARK: For the API

    /// All subnets that a node could have.
    func allSubnets() -> [IPv4Subnet] { (try? settings.network.nodeSubnets()) ?? [] }

    /// The subnet that a node's claim stands for; nil where it has none.
    func knownSubnet(of node: String) -> IPv4Subnet? {
        SubnetTable(claimed).standing.first { $0.node == node }?.subnet
    }

    /// This node's subnet, once it has one; another's where it is known, as each node claims its own.
    func subnet(of node: String) async throws -> IPv4Subnet {
        guard !node.isEmpty else { throw RPCError(.invalidArgument, "node is empty: a subnet belongs to a node") }
        if node == settings.node { return try await settledSubnet() }
        if let subnet = knownSubnet(of: node) { return subnet }
        throw RPCError(.failedPrecondition, "node \(node) has no subnet; its own daemon claims one when it joins")
    }

    /// Those to the nodes' subnets, by way of their hosts, and those that people added.
    func routes() -> [AddedRoute] {
        let facts = facts()
        let nodes = SubnetTable(claimed).standing.compactMap { claim in
            facts[claim.node].map { AddedRoute(destination: claim.subnet, target: $0.address) }
        }
        return (nodes + added).sorted { $0.destination < $1.destination }
    }

    private var added: [AddedRoute] {
        NetworkKeys.added(store.entries(StoreBucket.network, prefix: NetworkKeys.routes))
    }

    /// Adds or replaces a route on all nodes.
    func addRoute(_ route: AddedRoute) async throws {
        if let claim = SubnetTable(claimed).standing.first(where: { $0.subnet.overlaps(route.destination) }) {
            throw RPCError(
                .failedPrecondition,
                "\(route.destination) overlaps \(claim.subnet) of node \(claim.node); routes to nodes make themselves"
            )
        }
        let value = Array("\(route.destination):\(route.target)".utf8)
        try await store.write([StoreChange(StoreBucket.network, NetworkKeys.routes + "\(route.destination)", value)])
    }

    /// Removes such a route from all nodes; none is fine.
    func deleteRoute(_ destination: IPv4Subnet) async throws {
        let key = NetworkKeys.routes + "\(destination)"
        guard store.value(StoreBucket.network, key) != nil else { return }
        try await store.write([StoreChange(StoreBucket.network, key, nil)])
    }

    // MARK: Running

    /// Reads what an earlier run kept, and takes up that subnet at once, or the first one of a node that is alone.
    ///
    /// - Throws: `StorageError`, `StoreError`. What the host refuses is logged, and tried again.
    func load() async throws {
        let known = await gossip.peers()
        expectsOthers = settings.hasPeers || !known.isEmpty
        (kept, placed) = try await database.read { (try SettledClaim.read($0), try PlacedSubnet.read($0)) }
        claims = SubnetClaims(node: settings.node, network: settings.network, settled: kept, now: now())
        do {
            try await turn.withUncancelledLock(0) { try await self.lookInTurn() }
        } catch let error as NetworkError {
            await tell { throw error }
        }
    }

    /// Until the task is cancelled.
    func run() async {
        let ofClaims = store.changes(in: StoreBucket.network)
        let ofNodes = store.changes(in: StoreBucket.nodes)
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in ofClaims { await self.look() } }
            group.addTask {
                for await news in ofNodes {
                    // Slots change all the time.
                    if case .entries(let entries) = news,
                        !entries.contains(where: { NodeFacts.node(ofNetwork: $0.key.key) != nil })
                    {
                        continue
                    }
                    await self.look()
                }
            }
            // What came before anybody listened.
            group.addTask { await self.look() }
            group.addTask { await self.settle() }
            group.addTask { await self.watch() }
            group.addTask { await self.host.run() }
        }
    }

    /// Looks again and again while containers may not start, be it for the first time or because another node has an older
    /// claim of the subnet.
    private func settle() async {
        for await _ in unsettled {
            while !isSettled {
                await askWhoHasTheClaim()
                guard (try? await Task.sleep(for: Self.restlessPeriod)) != nil else { return }
                await look()
            }
        }
    }

    /// Most nodes say by themselves that they have it, at once. That is a datagram, which may be lost.
    private func askWhoHasTheClaim() async {
        guard case .settling = claims.standing, let own = claimed.first(where: { $0.node == settings.node }) else {
            return
        }
        let stamp = StoreStamp(rawValue: own.stamp)
        for other in await store.waitConverged(stamp, within: Self.answerPeriod) where other.state == .reached {
            answered[other.node] = own.stamp
        }
    }

    private func watch() async {
        while (try? await Task.sleep(for: settings.period)) != nil {
            await tell { try await self.host.lookAround() }
            await look()
        }
    }

    private func look() async {
        await tell { try await self.turn.withUncancelledLock(0) { try await self.lookInTurn() } }
    }

    /// What goes wrong is logged once; it is tried again with the next look.
    private func tell(_ body: () async throws -> Void) async {
        do {
            try await body()
            told = []
        } catch {
            guard !Task.isCancelled else { return }
            let reason = (error as? NetworkError)?.message ?? RPCError(of: error).message
            if told.insert(reason).inserted {
                logger.error("the network is not ready", metadata: ["reason": "\(reason)"])
            }
        }
    }

    private var claimed: [SubnetClaim] {
        NetworkKeys.claims(store.entries(StoreBucket.network, prefix: NetworkKeys.subnets))
    }

    private func lookInTurn() async throws {
        defer { if !isSettled { unsettle.yield() } }
        let others = await gossip.members().filter { member in
            // One that announces no API is no node of ours, and never answers.
            !member.isSelf && (member.state == .alive || member.state == .suspect)
                && !NodeAnnouncement(metadata: member.metadata).address.isEmpty
        }
        let before = claims.standing
        for _ in 0..<Self.maximumClaims {
            let view = SubnetClaims.View(
                claims: claimed,
                others: Set(others.map(\.name)),
                seen: store.seen().mapValues(\.rawValue).merging(answered) { max($0, $1) },
                // Not before: gossip knows others earlier than the store, and a claim of what one of them has would be in vain.
                hasSynced: store.hasExchanged,
                expectsOthers: expectsOthers
            )
            guard let wanted = claims.look(view, now: now()) else { break }
            let key = NetworkKeys.subnet(settings.node)
            try await store.write([StoreChange(StoreBucket.network, key, Array(wanted.description.utf8))])
            logger.info("claimed a subnet", metadata: ["subnet": "\(wanted)"])
        }
        if claims.standing != before { tellOfStanding() }
        if claims.settled != kept {
            let settled = claims.settled
            try await database.write { try SettledClaim.write(settled, $0) }
            kept = settled
        }
        if case .held(let subnet) = claims.standing { try await use(subnet) }
        if owesMove {
            try await onMove()
            owesMove = false
        }
        if let used, used != placed {
            try await database.write(durability: .lazy) { try PlacedSubnet.write(used, $0) }
            placed = used
        }
        try await keepWays()
    }

    /// A claim that is written is looked at once more; beyond that something else is wrong.
    private static let maximumClaims = 3

    private func tellOfStanding() {
        switch claims.standing {
        case .disputed(let subnet, let node):
            logger.warning(
                "the subnet is another node's, whose claim is older; this node moves",
                metadata: ["subnet": "\(subnet)", "node": "\(node)"]
            )
        case .exhausted(let reason): logger.error("\(reason)")
        case .looking, .settling, .held:
            logger.debug("subnet", metadata: ["standing": "\(claims.standing)"])
        }
    }

    /// Gives everything on this host the subnet.
    private func use(_ subnet: IPv4Subnet) async throws {
        guard subnet != used else { return }
        guard let gateway = subnet.gateway else { return }
        let leftAddresses = try await addresses.use(subnet)
        var failure: (any Error)?
        do {
            try await host.use(subnet)
        } catch let error as NetworkError {
            // It is tried again by each create that needs it, which reports it too; what needs none works.
            failure = error
        }
        try await files.setNameserver(gateway)
        await host.serveNames(on: subnet)
        // Also where an earlier run was killed before it had moved them.
        let hasMoved = leftAddresses || (placed ?? subnet) != subnet
        used = subnet
        if hasMoved {
            logger.notice("containers move to another subnet", metadata: ["subnet": "\(subnet)"])
            owesMove = true
        }
        if let failure { throw failure }
    }

    // MARK: Ways to the others

    private func facts() -> [String: NetworkFact] {
        var facts: [String: NetworkFact] = [:]
        for claim in claimed {
            facts[claim.node] = store.network(of: claim.node)
        }
        return facts
    }

    /// Nodes that use another overlay cannot be reached, and do not reach this one.
    private func mismatches(_ facts: [String: NetworkFact], with own: NetworkFact) -> [String] {
        facts.sorted { $0.key < $1.key }.compactMap { node, fact in
            var alike = fact
            (alike.address, alike.mtu) = (own.address, own.mtu)
            guard alike != own else { return nil }
            return
                "overlay: \(node) has \(fact.overlay) where this node has \(own.overlay), or other numbers; set Overlay, "
                + "VXLANID and VXLANPort alike on all nodes"
        }
    }

    private func keepWays() async throws {
        guard let used else { return }
        guard let address = settings.address else {
            guard claimed.contains(where: { $0.node != settings.node }) else { return }
            overlayProblem = "the other nodes need an IPv4 address of this one; set it with --advertise-addr"
            return
        }
        let mtu = try await host.linkMTU(at: address)
        let fact = NetworkFact(address: address, mode: settings.overlay, mtu: mtu)
        if store.network(of: settings.node) != fact {
            try await store.write([StoreChange(NodeFacts.networkKey(settings.node), fact.encoded)])
        }
        let facts = facts()
        mismatches = mismatches(facts, with: fact)
        let peers = SubnetTable(claimed).standing.compactMap { claim in
            facts[claim.node].map {
                OverlayPeer(node: claim.node, subnet: claim.subnet, address: $0.address, mtu: $0.mtu)
            }
        }
        let plan = OverlayPlan(
            settings.overlay,
            subnet: used,
            address: address,
            mtu: mtu,
            peers: peers.filter { $0.node != settings.node },
            added: added
        )
        guard let plan else { return }
        let before = Set(outcome.routes)
        do {
            outcome = try await host.apply(plan)
            overlayProblem = nil
            try await host.setMTU(outcome.mtu, isRenewed: outcome.hadTunnel)
        } catch let error as NetworkError {
            overlayProblem = error.message
            throw error
        }
        for route in outcome.routes where !before.contains(route) {
            guard let problem = route.problem else { continue }
            logger.error("no way", metadata: ["to": "\(route.destination)", "reason": "\(problem)"])
        }
    }
}

/// Where this node keeps what is nobody else's.
private let localBucket = "stellar.v1.local"

/// The claim that has settled, on this node's disk alone: at the next start containers need not wait for anybody.
enum SettledClaim {
    private static let key = "settled-subnet"

    static func read(_ connection: Connection) throws -> SubnetClaim? {
        guard let value = try Buckets(connection).entries(in: localBucket, prefix: key).first?.value else { return nil }
        let words = String(decoding: value, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count == 3, let stamp = UInt64(words[0]), let subnet = IPv4Subnet(String(words[1])) else {
            return nil
        }
        return SubnetClaim(node: String(words[2]), subnet: subnet, stamp: stamp)
    }

    static func write(_ claim: SubnetClaim?, _ connection: Connection) throws {
        guard let claim else { return try Buckets(connection).remove(key, in: localBucket) }
        let text = "\(claim.stamp) \(claim.subnet) \(claim.node)"
        try Buckets(connection).set(key, in: localBucket, to: Array(text.utf8))
    }
}

/// The subnet that this node's containers are on. It follows the claim when they have been told to move, so that whoever dies
/// in between moves them at the next start.
enum PlacedSubnet {
    private static let key = "placed-subnet"

    static func read(_ connection: Connection) throws -> IPv4Subnet? {
        guard let value = try Buckets(connection).entries(in: localBucket, prefix: key).first?.value else { return nil }
        return IPv4Subnet(String(decoding: value, as: UTF8.self))
    }

    static func write(_ subnet: IPv4Subnet, _ connection: Connection) throws {
        try Buckets(connection).set(key, in: localBucket, to: Array("\(subnet)".utf8))
    }
}
