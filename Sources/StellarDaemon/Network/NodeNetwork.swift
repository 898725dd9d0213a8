import Logging
import StellarCore
import StellarNet
import StellarStorage
import StellarStore
import StellarSystem

/// This node's part in the cluster's network: claims a subnet (``SubnetClaims``), gives it to everything on the host, moves
/// the containers when it changes (``SubnetMove``), and keeps the routes to the other nodes' containers (``OverlayPlan``).
///
/// It reconciles whenever claims or other nodes' facts change in the store, again and again while containers may not start,
/// and every ``Settings/repairPeriod``, which restores what was removed on the host.
actor NodeNetwork {
    /// What the configuration says.
    struct Settings: Sendable {
        var node: String
        /// The cluster's network, which is cut into one subnet per node.
        var network: IPv4Subnet
        /// Where the other nodes reach this host; nil where that is no IPv4 address.
        var address: IPv4Address?
        var overlay: OverlayMode
        /// Whether peers are configured.
        var hasPeers: Bool
        /// How often it repairs the host: what was removed there is missing for this long at most. A repair costs some
        /// milliseconds of CPU.
        var repairPeriod = Duration.seconds(30)
    }

    /// How often it evaluates its claim while containers may not start: other nodes' watermarks change without a change in
    /// the store.
    static let confirmPeriod = Duration.milliseconds(250)
    /// How long it waits for acknowledgements of its claim, and calls the nodes that have not acknowledged it.
    static let acknowledgeTimeout = Duration.seconds(1)
    /// How long a create waits for the subnet. A claim is confirmed within ``SubnetClaims/searchLimit`` and
    /// ``SubnetClaims/confirmLimit``, and most often in a second.
    static let subnetTimeout = Duration.seconds(25)

    let settings: Settings
    let store: any StorePort
    let database: Database
    let gossip: any GossipPort
    let host: any SubnetPort
    let addresses: AddressBook
    let files: HostFiles
    let logger: Logger
    let now: @Sendable () -> Duration
    private let turn = KeyedLock<Int>()

    var claims: SubnetClaims
    /// The confirmed claim that the disk has.
    var storedClaim: SubnetClaim?
    /// Whether this node has configured or remembered peers.
    private(set) var expectsOthers = false

    var move = SubnetMove()
    var moveContainers: @Sendable () async throws -> Void = {}

    var outcome = Overlay.Outcome()
    var overlayProblem: String?
    /// Why nodes with another overlay are not reached.
    var mismatches: [String] = []

    /// Callers of ``confirmedSubnet()`` that wait.
    var waiters: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var nextWaiter: UInt64 = 0
    /// Signals that containers may not start, for now.
    private let (unconfirmed, unconfirmedSignal) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    private var loggedReasons: Set<String> = []

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
        claims = SubnetClaims(node: settings.node, network: settings.network, now: now())
    }

    static func sinceStart() -> @Sendable () -> Duration {
        let start = ContinuousClock.now
        return { ContinuousClock.now - start }
    }

    /// Sets what moves the containers to another subnet. Call it once, before ``load()``.
    func onSubnetChange(_ body: @escaping @Sendable () async throws -> Void) { moveContainers = body }

    /// Reads what an earlier run stored, and reconciles once: a confirmed subnet, or that of a node without peers, is in use
    /// when it returns.
    ///
    /// - Throws: `StorageError`, `StoreError`. An error of the host is logged, and retried by ``run()``.
    func load() async throws {
        let peers = await gossip.peers()
        expectsOthers = settings.hasPeers || !peers.isEmpty
        let (claim, subnet) = try await database.read { (try StoredClaim.read($0), try ContainerSubnet.read($0)) }
        storedClaim = claim
        move = SubnetMove(recorded: subnet)
        claims = SubnetClaims(node: settings.node, network: settings.network, confirmed: claim, now: now())
        do {
            try await turn.withUncancelledLock(0) { try await self.reconcileInTurn() }
        } catch let error as NetworkError {
            await logFailure { throw error }
        }
    }

    /// Reconciles until the task is cancelled.
    func run() async {
        let claimChanges = store.changes(in: StoreBucket.network)
        let factChanges = store.changes(in: StoreBucket.nodes)
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in claimChanges { await self.reconcile() } }
            group.addTask {
                for await change in factChanges where Self.isAboutNetworks(change) { await self.reconcile() }
            }
            // Changes from before the feeds were open.
            group.addTask { await self.reconcile() }
            group.addTask { await self.reconcileUntilConfirmed() }
            group.addTask { await self.repairPeriodically() }
            group.addTask { await self.host.run() }
        }
    }

    /// Whether a change is about another node's network: most are about slots.
    private static func isAboutNetworks(_ change: StoreNews) -> Bool {
        guard case .entries(let entries) = change else { return true }
        return entries.contains { NodeFacts.node(ofNetwork: $0.key.key) != nil }
    }

    /// Reconciles again and again while containers may not start: before the first claim is held, and while another node has
    /// an older claim of the subnet.
    private func reconcileUntilConfirmed() async {
        for await _ in unconfirmed {
            while usableSubnet == nil {
                await collectAcknowledgements()
                guard (try? await Task.sleep(for: Self.confirmPeriod)) != nil else { return }
                await reconcile()
            }
        }
    }

    private func repairPeriodically() async {
        while (try? await Task.sleep(for: settings.repairPeriod)) != nil {
            await logFailure { try await self.host.repair() }
            await reconcile()
        }
    }

    private func reconcile() async {
        await logFailure { try await self.turn.withUncancelledLock(0) { try await self.reconcileInTurn() } }
    }

    /// The order matters: the host changes before the containers, and the routes lead to what the host has.
    private func reconcileInTurn() async throws {
        defer { signalStanding() }
        try await evaluateClaim()
        if case .held(let subnet) = claims.standing { try await useOnHost(subnet) }
        try await moveContainersIfDue()
        try await applyRoutes()
    }

    private func signalStanding() {
        if usableSubnet == nil {
            unconfirmedSignal.yield()
        } else {
            for waiter in waiters.values { waiter.yield() }
        }
    }

    /// Logs each reason once, until a run succeeds. The next reconcile retries what failed.
    private func logFailure(of body: () async throws -> Void) async {
        do {
            try await body()
            loggedReasons = []
        } catch {
            guard !Task.isCancelled else { return }
            let reason = (error as? NetworkError)?.message ?? Cause(of: error).message
            if loggedReasons.insert(reason).inserted {
                logger.error("network not ready", metadata: ["reason": "\(reason)"])
            }
        }
    }
}
