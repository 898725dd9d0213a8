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
    }

    /// How often it looks by itself while containers may not start: others' answers come without a change in the store.
    static let restlessPeriod = Duration.milliseconds(250)
    /// What somebody flushed on the host is missing for this long at most. A look costs some milliseconds of CPU.
    static let period = Duration.seconds(30)
    /// How long a create waits for the subnet. A claim settles within ``SubnetClaims/lookLimit`` and
    /// ``SubnetClaims/settleLimit``, and most often in a second.
    static let patience = Duration.seconds(25)

    let settings: Settings
    private let store: any StorePort
    private let database: Database
    private let gossip: any GossipPort
    private let network: ContainerNetwork
    private let overlay: Overlay
    private let addresses: AddressBook
    private let nameserver: NodeNameserver
    private let files: HostFiles
    private let logger: Logger
    private let turn = KeyedLock<Int>()
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant

    private var claims: SubnetClaims
    /// The subnet that everything on this host has been given.
    private var used: IPv4Subnet?
    private var kept: SubnetClaim?
    /// Whether there should be other nodes: it was told of some, or knew some.
    private var expectsOthers = false
    private var outcome = Overlay.Outcome()
    private var overlayProblem: String?
    private var told: Set<String> = []
    private var onMove: @Sendable () async throws -> Void = {}
    /// The containers are still to be moved to the subnet that the host has.
    private var owesMove = false

    init(
        _ settings: Settings,
        store: any StorePort,
        database: Database,
        gossip: any GossipPort,
        network: ContainerNetwork,
        addresses: AddressBook,
        nameserver: NodeNameserver,
        files: HostFiles,
        logger: Logger
    ) {
        self.settings = settings
        (self.store, self.database, self.gossip) = (store, database, gossip)
        (self.network, self.addresses, self.nameserver, self.files) = (network, addresses, nameserver, files)
        overlay = Overlay(bridge: network.configuration.bridge)
        self.logger = logger
        start = clock.now
        claims = SubnetClaims(node: settings.node, network: settings.network, now: .zero)
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
        return problems + mismatches()
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
        case .held(let subnet): "\(subnet) is not in use yet: \(network.problem ?? "try again in a moment")"
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
        kept = try await database.read { try SettledClaim.read($0) }
        claims = SubnetClaims(node: settings.node, network: settings.network, settled: kept, now: .zero)
        do {
            try await turn.withUncancelledLock(0) { try await self.lookInTurn() }
        } catch let error as NetworkError {
            await tell { throw error }
        }
    }

    /// Until the task is cancelled.
    func run() async {
        let store = store
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in store.changes(in: StoreBucket.network) { await self.look() } }
            group.addTask {
                for await news in store.changes(in: StoreBucket.nodes) {
                    // Slots change all the time.
                    if case .entries(let entries) = news,
                        !entries.contains(where: { NodeFacts.node(ofNetwork: $0.key.key) != nil })
                    {
                        continue
                    }
                    await self.look()
                }
            }
            group.addTask { await self.watch() }
            group.addTask { await self.nameserver.run() }
        }
    }

    private func watch() async {
        var sinceLook = Duration.zero
        while !Task.isCancelled {
            let wait = isSettled ? Self.period : Self.restlessPeriod
            guard (try? await Task.sleep(for: wait)) != nil else { return }
            sinceLook += wait
            if sinceLook >= Self.period {
                sinceLook = .zero
                await tell { try await self.network.lookAround() }
            }
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
                seen: store.seen().mapValues(\.rawValue),
                hasSynced: store.hasSynced,
                expectsOthers: expectsOthers
            )
            guard let wanted = claims.look(view, now: clock.now - start) else { break }
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
            try await network.use(subnet)
        } catch let error as NetworkError {
            // It is tried again by each create that needs it, which reports it too; what needs none works.
            failure = error
        }
        try await files.setNameserver(gateway)
        await nameserver.use(subnet)
        let hasMoved = leftAddresses || used != nil
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
    private func mismatches() -> [String] {
        guard let address = settings.address else { return [] }
        let own = NetworkFact(address: address, mode: settings.overlay)
        return facts().sorted { $0.key < $1.key }.compactMap { node, fact in
            var alike = fact
            alike.address = own.address
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
        let fact = NetworkFact(address: address, mode: settings.overlay)
        if store.network(of: settings.node) != fact {
            try await store.write([StoreChange(NodeFacts.networkKey(settings.node), fact.encoded)])
        }
        let facts = facts()
        let peers = SubnetTable(claimed).standing.compactMap { claim in
            facts[claim.node].map { OverlayPeer(node: claim.node, subnet: claim.subnet, address: $0.address) }
        }
        let plan = OverlayPlan(
            settings.overlay,
            subnet: used,
            address: address,
            peers: peers.filter { $0.node != settings.node },
            added: added
        )
        guard let plan else { return }
        let before = Set(outcome.routes)
        do {
            outcome = try await overlay.apply(plan)
            overlayProblem = nil
            try await network.setMTU(outcome.mtu, isRenewed: outcome.hadTunnel)
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

/// The claim that has settled, on this node's disk alone: at the next start containers need not wait for anybody.
enum SettledClaim {
    private static let bucket = "stellar.v1.local"
    private static let key = "settled-subnet"

    static func read(_ connection: Connection) throws -> SubnetClaim? {
        guard let value = try Buckets(connection).entries(in: bucket, prefix: key).first?.value else { return nil }
        let words = String(decoding: value, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count == 3, let stamp = UInt64(words[0]), let subnet = IPv4Subnet(String(words[1])) else {
            return nil
        }
        return SubnetClaim(node: String(words[2]), subnet: subnet, stamp: stamp)
    }

    static func write(_ claim: SubnetClaim?, _ connection: Connection) throws {
        guard let claim else { return try Buckets(connection).remove(key, in: bucket) }
        let text = "\(claim.stamp) \(claim.subnet) \(claim.node)"
        try Buckets(connection).set(key, in: bucket, to: Array(text.utf8))
    }
}
