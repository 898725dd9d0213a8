import Logging
import StellarCore
import StellarGossip
import StellarStore
import Synchronization

/// ``GossipPort`` on a real ``GossipNode``.
final class NodeGossip: GossipPort {
    /// The leave message goes out with the next few rounds of gossip, within tenths of a second; after this time no other
    /// node is there to receive it.
    static let leaveLimit = Duration.seconds(5)

    private let node: GossipNode
    private let own: ClusterMember
    private let logger: Logger
    private let hasLeft = Mutex(false)
    private let leaving: AsyncStream<Void>
    private let leave: AsyncStream<Void>.Continuation

    /// - Throws: ``StartError``.
    init(_ configuration: DaemonConfiguration, keyring: Keyring?, metadata: [UInt8], logger: Logger) throws {
        (leaving, leave) = AsyncStream.makeStream()
        self.logger = logger
        own = ClusterMember(
            name: configuration.nodeID,
            address: configuration.advertiseAddress,
            state: .left,
            isSelf: true
        )
        do {
            node = try GossipNode(
                try configuration.gossip(keyring: keyring, metadata: metadata),
                store: FilePeerStore(path: configuration.knownPeersPath),
                logger: logger
            )
        } catch let error as GossipNodeError {
            throw StartError(error.message, status: .badConfiguration)
        }
    }

    /// Binds the gossip port and receives packets. It sends when it runs.
    ///
    /// - Throws: ``StartError``.
    func bind(_ configuration: DaemonConfiguration) async throws {
        do {
            try await node.start()
        } catch let error as GossipNodeError {
            guard error.code == .portTaken, let address = HostPort(configuration.clusterAddress) else {
                throw StartError("ClusterAddress: \(error.message)")
            }
            let holder = PortHolder.ofGossip(port: address.port).map { " by \($0)" } ?? ""
            throw StartError(
                "ClusterAddress: \(address) is taken\(holder); stop it, or set another port with --bind-port"
            )
        }
    }

    /// Takes part until the task is cancelled, or until a person requests it to leave.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.node.run() }
            group.addTask { for await _ in self.leaving {} }
            defer { group.cancelAll() }
            // The first to end is one that failed, or that has left; or all were cancelled.
            try await group.next()
        }
    }

    func leave() async {
        let isFirst = hasLeft.withLock { hasLeft in
            defer { hasLeft = true }
            return !hasLeft
        }
        guard isFirst else { return }
        if await node.leave(within: Self.leaveLimit) {
            logger.info("left the cluster")
        } else {
            logger.warning(
                "left without acknowledgement; other nodes will report this node as dead"
            )
        }
        leave.finish()
    }

    /// A node that left knows no other node any more.
    private var isOut: Bool { hasLeft.withLock { $0 } }

    func members() async -> [ClusterMember] {
        isOut ? [own] : await node.members().map(ClusterMember.init)
    }

    func peers() async -> [JoinAddress] {
        guard !isOut else { return [] }
        let members = await node.members()
        return await node.peers().map { peer in
            // A declared peer is an address; who is there is known once it was reached.
            let there = members.first { peer.isReached && peer.endpoints.contains($0.endpoint) }
            return JoinAddress(peer, node: peer.name ?? there?.name)
        }
    }

    func roundTrips() async -> [String: Duration] {
        guard !isOut else { return [:] }
        return Dictionary(await node.roundTrips().map { ($0.name, $0.roundTrip.smoothed) }, uniquingKeysWith: { $1 })
    }

    func forget(_ name: String) async throws {
        do {
            try await node.forget(name)
        } catch let error as GossipNodeError {
            switch error.code {
            case .unknownNode: throw ClusterError(.notFound, "there is no node \(name)")
            case .isAlive: throw ClusterError(.failedPrecondition, "\(name) is alive; stop its daemon first")
            default: throw ClusterError(.unavailable, error.message)
            }
        }
    }

    func problems() async -> [String] {
        guard !isOut else { return ["this node has left the cluster; restart its daemon to join again"] }
        var problems = [await node.health().problem].compactMap { $0.map { "gossip: \($0)" } }
        for peer in await node.peers() where peer.isDeclared && !peer.isReached {
            guard peer.lastSuccess == nil, let error = peer.lastError else { continue }
            problems.append("the peer \(peer.address) was not reached yet: \(error)")
        }
        return problems
    }

    func change(_ change: KeyChange, _ key: GossipKey) async throws {
        do {
            switch change {
            case .add: try await node.addKey(key)
            case .use: try await node.useKey(key)
            case .remove: try await node.removeKey(key)
            }
        } catch let error as GossipNodeError {
            throw ClusterError(.failedPrecondition, error.message)
        }
    }
}

extension NodeGossip: StoreGossip {
    func listen(_ report: @escaping @Sendable (StoreGossipNews) -> Void) async {
        // Before the members are looked at: nothing falls in between.
        let (messages, events) = (node.messages(), node.events())
        await reportMembers(report)
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await case .element(let message) in messages { report(.message(message)) }
            }
            group.addTask {
                for await event in events {
                    switch event {
                    case .element(.joined(let member)), .element(.updated(let member)): report(.alive(member.name))
                    case .element(.left(let member)), .element(.failed(let member)): report(.lost(member.name))
                    case .element(.conflict), .element(.resumed): break
                    case .missed: await self.reportMembers(report)
                    }
                }
            }
        }
    }

    private func reportMembers(_ report: @Sendable (StoreGossipNews) -> Void) async {
        for member in await node.members() where !member.isSelf {
            switch member.state {
            case .alive, .suspect: report(.alive(member.name))
            case .dead, .left: report(.lost(member.name))
            }
        }
    }

    func broadcast(_ message: [UInt8], about subject: String) async {
        guard !isOut else { return }
        // What is too long for it is found missing later.
        try? await node.broadcast(message, about: subject)
    }

    func send(_ message: [UInt8], to name: String) async {
        guard !isOut else { return }
        // A node that does not receive it gets it by an exchange.
        try? await node.send(message, to: name)
    }
}

extension DaemonConfiguration {
    /// - Throws: ``StartError``, for what ``validate()`` has let through.
    fileprivate func gossip(keyring: Keyring?, metadata: [UInt8]) throws -> GossipNodeConfiguration {
        var gossip = GossipNodeConfiguration(name: nodeID)
        guard let bind = GossipEndpoint(clusterAddress), let advertise = GossipEndpoint(advertiseAddress) else {
            throw StartError(
                "ClusterAddress and AdvertiseAddress: not both are ADDRESS:PORT",
                status: .badConfiguration
            )
        }
        (gossip.bind, gossip.advertise) = (bind, advertise)
        gossip.gossip =
            switch connectionType {
            case .local: .local
            case .lan: .lan
            case .wan: .wan
            }
        (gossip.label, gossip.keyring, gossip.metadata, gossip.peers) = (clusterName, keyring, metadata, peers)
        return gossip
    }
}

extension ClusterMember {
    init(_ member: MemberStatus) {
        self.init(
            name: member.name,
            address: "\(member.endpoint)",
            metadata: member.metadata,
            state: State(member.state),
            lastSeen: member.lastSeen,
            conflict: member.conflict.map { "\($0)" },
            isSelf: member.isSelf
        )
    }
}

extension ClusterMember.State {
    init(_ state: NodeState) {
        switch state {
        case .alive: self = .alive
        case .suspect: self = .suspect
        case .dead: self = .dead
        case .left: self = .left
        }
    }
}

extension JoinAddress {
    fileprivate init(_ peer: PeerStatus, node: String?) {
        self.init(
            address: peer.address,
            isDeclared: peer.isDeclared,
            node: node,
            isReached: peer.isReached,
            failures: peer.attempts,
            lastError: peer.lastError,
            lastSuccess: peer.lastSuccess,
            lastTry: peer.lastAttempt,
            nextTry: peer.nextAttempt
        )
    }
}
