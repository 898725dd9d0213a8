import Logging
import StellarCore
import StellarNet
import StellarStorage
import StellarStore

/// The node's own subnet: its claim, its use on the host, and the move of the containers.
extension NodeNetwork {
    /// The subnet that containers may start on; nil where they may not.
    var usableSubnet: IPv4Subnet? {
        if case .held(let subnet) = claims.standing, subnet == move.hostSubnet { subnet } else { nil }
    }

    /// The subnet that containers may start on. Waits ``subnetTimeout`` at most while the claim is confirmed.
    ///
    /// - Throws: ``SubnetError`` Unavailable with the reason.
    @discardableResult
    func confirmedSubnet() async throws -> IPv4Subnet {
        if let usableSubnet { return usableSubnet }
        let (changes, waiter) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        nextWaiter += 1
        let id = nextWaiter
        waiters[id] = waiter
        let timeout = Task {
            try await Task.sleep(for: Self.subnetTimeout)
            waiter.finish()
        }
        defer {
            timeout.cancel()
            waiters[id] = nil
        }
        for await _ in changes {
            if let usableSubnet { return usableSubnet }
        }
        try Task.checkCancellation()
        throw SubnetError(.unavailable, whyUnconfirmed)
    }

    /// Why containers may not start, and what to do about it.
    var whyUnconfirmed: String {
        let node = settings.node
        return switch claims.standing {
        case .unclaimed:
            "node \(node) has no subnet yet: it waits for its peers; try again in a moment, or see sctl cluster peers"
        case .confirming(let subnet):
            "subnet \(subnet) of node \(node) is not confirmed yet: not all live nodes have its claim; "
                + "try again in a moment"
        case .disputed(let subnet, let holder):
            "subnet \(subnet) of node \(node) is disputed: node \(holder) has an older claim; "
                + "try again when node \(node) has another subnet"
        case .exhausted(let reason): reason
        case .held(let subnet):
            "subnet \(subnet) of node \(node) is not in use on its host yet: \(host.problem ?? "try again in a moment")"
        }
    }

    /// The claims of all nodes, as the store has them.
    var storedClaims: [SubnetClaim] {
        NetworkKeys.claims(store.entries(StoreBucket.network, prefix: NetworkKeys.subnets))
    }

    /// Waits for acknowledgements, and calls the nodes that have not acknowledged the claim: most do by themselves, at once, in
    /// a datagram, which may be lost.
    func collectAcknowledgements() async {
        guard let stamp = claims.unconfirmedStamp else { return }
        let convergence = await store.waitConverged(StoreStamp(rawValue: stamp), within: Self.acknowledgeTimeout)
        for other in convergence where other.state == .reached { claims.acknowledge(stamp, by: other.node) }
    }

    /// Runs the machine, writes the claim that it wants, and keeps the confirmed one on this node's disk.
    func evaluateClaim() async throws {
        let others = await gossip.members().filter { member in
            // A member that announces no API is not a node, and acknowledges nothing.
            !member.isSelf && (member.state == .alive || member.state == .suspect)
                && !NodeAnnouncement(metadata: member.metadata).address.isEmpty
        }
        let before = claims.standing
        for _ in 0..<Self.maximumEvaluations {
            let view = SubnetClaims.View(
                claims: storedClaims,
                others: Set(others.map(\.name)),
                seen: store.seen().mapValues(\.rawValue),
                // Gossip knows other nodes before the store has their claims, and a claim of a taken subnet would be in vain.
                hasSynced: store.hasExchanged,
                expectsOthers: expectsOthers
            )
            guard let wanted = claims.evaluate(view, now: now()) else { break }
            let key = NetworkKeys.subnet(settings.node)
            try await store.write([StoreChange(StoreBucket.network, key, Array(wanted.description.utf8))])
            logger.info("claimed a subnet", metadata: ["subnet": "\(wanted)"])
        }
        if claims.standing != before { logStanding() }
        if claims.confirmed != storedClaim {
            let confirmed = claims.confirmed
            try await database.write { try StoredClaim.write(confirmed, $0) }
            storedClaim = confirmed
        }
    }

    /// A claim is written once and evaluated again; more than this is a fault elsewhere.
    private static let maximumEvaluations = 3

    private func logStanding() {
        switch claims.standing {
        case .disputed(let subnet, let node):
            logger.warning(
                "subnet disputed by an older claim; claiming another",
                metadata: ["subnet": "\(subnet)", "node": "\(node)"]
            )
        case .exhausted(let reason): logger.error("no free subnet", metadata: ["reason": "\(reason)"])
        case .unclaimed, .confirming, .held:
            logger.debug("subnet claim changed", metadata: ["standing": "\(claims.standing)"])
        }
    }

    /// Gives the subnet to everything on this host: addresses, bridge and firewall, `resolv.conf`, nameserver.
    func useOnHost(_ subnet: IPv4Subnet) async throws {
        guard subnet != move.hostSubnet, let gateway = subnet.gateway else { return }
        let droppedAddresses = try await addresses.use(subnet)
        var failure: (any Error)?
        do {
            try await host.use(subnet)
        } catch let error as NetworkError {
            // Each create that needs a network retries and reports it; loopback-only containers work.
            failure = error
        }
        try await files.setNameserver(gateway)
        await host.serveNames(on: subnet)
        if move.hostUses(subnet, droppedAddresses: droppedAddresses) {
            logger.notice("containers move to another subnet", metadata: ["subnet": "\(subnet)"])
        }
        if let failure { throw failure }
    }

    func moveContainersIfDue() async throws {
        if move.isPending {
            try await moveContainers()
            move.containersMoved()
        }
        if let subnet = move.unrecorded {
            try await database.write(durability: .lazy) { try ContainerSubnet.write(subnet, $0) }
            move.wasRecorded(subnet)
        }
    }
}
