public import Logging
public import NIOCore
public import NIOPosix

/// A member of a cluster. It knows the other members, announces itself, and finds lost members again.
///
/// It speaks memberlist's protocol, with datagrams and streams on one port. One event loop owns a ``MembershipMachine``
/// and a ``Rejoin``, and no message of a peer can end it. The keys of the cluster are the only proof of a peer's
/// identity: any holder of a key can send messages about any node. If peers had to prove their identity, the checks
/// would belong in ``GossipLoop/received(_:from:)`` and ``GossipLoop/respond(to:from:)``, before the machine gets a
/// message.
///
///     let node = try GossipNode(configuration, logger: logger)
///     let events = node.events()
///     async let running: Void = node.run()
///     for await event in events { … }
public final class GossipNode: Sendable {
    /// How often this node tries to bind a lost socket again.
    static let retryInterval = Duration.seconds(1)

    private let configuration: GossipNodeConfiguration
    private let store: (any PeerStore)?
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let loop: NIOLoopBoundBox<GossipLoop>
    private let eventReaders = GossipReaders<GossipNodeEvent>()
    private let messageReaders = GossipReaders<[UInt8]>()
    private let saveRequests: AsyncStream<Void>

    /// - Parameters:
    ///   - store: where known peers are kept; without one, a node that restarts knows only the declared peers.
    /// - Throws: ``GossipNodeError``, `invalid`: an invalid name, label, metadata or peer.
    public init(
        _ configuration: GossipNodeConfiguration,
        store: (any PeerStore)? = nil,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger
    ) throws {
        let declared = try configuration.checked()
        let eventLoop = eventLoopGroup.next()
        let (saveRequests, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.configuration = configuration
        self.store = store
        self.eventLoop = eventLoop
        self.logger = logger
        self.saveRequests = saveRequests
        loop = NIOLoopBoundBox.makeBoxSendingValue(
            GossipLoop(
                configuration,
                declared: declared,
                eventLoop: eventLoop,
                logger: logger,
                events: eventReaders,
                messages: messageReaders,
                saveRequested: continuation
            ),
            eventLoop: eventLoop
        )
    }

    deinit {
        eventReaders.finish()
        messageReaders.finish()
    }

    // MARK: Running

    /// Binds both sockets and starts to look for the peers. ``run()`` does this if it was not done before.
    ///
    /// - Returns: where others reach the node.
    /// - Throws: ``GossipNodeError``: `portTaken`, `addressMissing`, `notPermitted`, `unavailable`. Nothing stays
    ///   bound.
    @discardableResult
    public func start() async throws -> GossipEndpoint {
        if let endpoint = await onLoop({ $0.isBound ? $0.machine?.own.endpoint : nil }) ?? nil { return endpoint }
        do {
            // The endpoint that it had before, if any: others look for this node there.
            let before = await onLoop { $0.bound } ?? nil
            let sockets = try await GossipSockets.bind(before ?? configuration.bind, to: loop)
            let known = before == nil ? await load() : []
            let loop = loop
            return try await eventLoop.submit { loop.value.began(sockets, known: known) }.get()
        } catch {
            let text = "\(error)"
            _ = await onLoop { $0.problem = text }
            throw error
        }
    }

    private func load() async -> [KnownPeer] {
        guard let store else { return [] }
        do {
            return try await store.load()
        } catch {
            logger.error(
                "cannot load the known peers; looking for the declared ones only",
                metadata: ["reason": "\(error)"]
            )
            return []
        }
    }

    /// Gossips until the task is cancelled; call it once. Then it closes the sockets without a leave message: see
    /// ``leave(within:)``. It waits for no peer. It binds a lost socket again, every second, and logs why that fails.
    ///
    /// - Throws: ``GossipNodeError`` if the sockets cannot be bound at the start.
    public func run() async throws {
        if await onLoop({ $0.isBound }) != true { try await start() }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.saveOnRequest() }
            await keepBound()
            await stop()
        }
        eventReaders.finish()
        messageReaders.finish()
    }

    private func keepBound() async {
        while !Task.isCancelled {
            if let sockets = await sockets() {
                await untilClosed(sockets)
            } else {
                try? await Task.sleep(for: Self.retryInterval)
                guard !Task.isCancelled else { return }
                let before = await onLoop { $0.problem } ?? nil
                do {
                    try await start()
                    logger.notice("gossip sockets are bound again")
                } catch {
                    if before == nil {
                        logger.error("cannot bind the gossip sockets; retrying", metadata: ["reason": "\(error)"])
                    }
                }
            }
        }
    }

    /// Waits until one of the sockets is closed, by ``stop()`` or by an error, and closes the other.
    private func untilClosed(_ sockets: GossipSockets) async {
        sockets.datagrams.closeFuture.whenComplete { _ in sockets.streams.close(promise: nil) }
        sockets.streams.closeFuture.whenComplete { _ in sockets.datagrams.close(promise: nil) }
        await withTaskCancellationHandler {
            try? await sockets.datagrams.closeFuture.get()
            try? await sockets.streams.closeFuture.get()
        } onCancel: {
            sockets.datagrams.close(promise: nil)
        }
    }

    private func stop() async {
        _ = await onLoop { $0.stop() }
    }

    private func saveOnRequest() async {
        for await _ in saveRequests { await save() }
        await save()
    }

    private func save() async {
        guard let store, let peers = await onLoop({ $0.takeSaved() }) ?? nil else { return }
        do {
            try await store.save(peers)
        } catch {
            logger.error("cannot save the known peers", metadata: ["reason": "\(error)"])
        }
    }

    /// Leaves the cluster, so that no node looks for this one. It still answers until ``run()`` is cancelled.
    ///
    /// - Returns: false if the leave message was not sent often enough within `limit`.
    @discardableResult
    public func leave(within limit: Duration) async -> Bool {
        let loop = loop
        let eventLoop = eventLoop
        let sent = eventLoop.flatSubmit { () -> EventLoopFuture<Bool> in
            let promise = eventLoop.makePromise(of: Bool.self)
            let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { promise.succeed(false) }
            loop.value.leave().whenComplete { _ in
                timer.cancel()
                promise.succeed(true)
            }
            return promise.futureResult
        }
        return (try? await sent.get()) ?? false
    }

    // MARK: Feeds

    /// Changes of the membership, from now on.
    public func events() -> GossipFeed<GossipNodeEvent> { eventReaders.feed() }

    /// User messages of other nodes, from now on.
    public func messages() -> GossipFeed<[UInt8]> { messageReaders.feed() }

    // MARK: State

    /// All known nodes, including this one, sorted by name. A dead node is kept until it comes back or is forgotten
    /// (``forget(_:)``), a left one for ``RejoinConfiguration/leftRetention``.
    public func members() async -> [MemberStatus] { await onLoop { $0.members() } ?? [] }

    /// The peers that this node looks for or has reached: the declared ones first.
    public func peers() async -> [PeerStatus] { await onLoop { $0.peers() } ?? [] }

    /// Round trips to the nodes that acknowledged at least one ping, sorted by name.
    public func roundTrips() async -> [RoundTripStatus] { await onLoop { $0.roundTrips() } ?? [] }

    public func counters() async -> GossipNodeCounters { await onLoop { $0.allCounters() } ?? GossipNodeCounters() }

    public func health() async -> GossipHealth { await onLoop { $0.health() } ?? GossipHealth.ended }

    // MARK: Requests

    /// Sets and announces new metadata of this node.
    ///
    /// - Throws: ``GossipNodeError``, `invalid`, above 512 bytes.
    public func updateMetadata(_ bytes: [UInt8]) async throws {
        let isTaken = await onLoop { loop in
            defer { loop.drainEffects() }
            return loop.machine?.update(metadata: bytes) ?? false
        }
        if bytes.count > WireLimits.metadata { throw GossipNodeConfiguration.metadataTooLong(bytes.count) }
        if isTaken != true { throw Self.notRunning }
    }

    /// Sends a message to an alive node.
    ///
    /// - Parameter reliably: on a stream, returning after the bytes were sent; otherwise in a datagram, which may be
    ///   lost.
    /// - Throws: ``GossipNodeError``: `unknownNode`, `unreachable`, `invalid` if it is too long.
    public func send(_ message: [UInt8], to name: String, reliably: Bool = false) async throws {
        let loop = loop
        let sent = eventLoop.flatSubmit { loop.value.send(message, to: name, reliably: reliably) }
        try await sent.get()
    }

    /// Broadcasts a message: sends it to a few nodes at a time, as often as news of members, in the room that news
    /// leaves. The receivers get it in ``messages()``, and call this in turn if it was new to them.
    ///
    /// - Parameter subject: a later message about the same subject replaces it, if it still waits.
    /// - Throws: ``GossipNodeError``: `invalid` if it does not fit a datagram; `unavailable` if the node is not
    ///   running.
    public func broadcast(_ message: [UInt8], about subject: String) async throws {
        let isTaken = await onLoop { loop in
            defer { loop.drainEffects() }
            return loop.machine?.broadcast(message, about: subject)
        }
        guard let isTaken, let isTaken else { throw Self.notRunning }
        if !isTaken {
            throw GossipNodeError(
                .invalid,
                "cannot broadcast a message of \(message.count) bytes: it does not fit a datagram"
            )
        }
    }

    /// Joins the peer at an address, once. This node does not look for the address afterwards.
    ///
    /// - Parameter address: see ``PeerAddress``.
    /// - Returns: how many nodes the peer's state had.
    /// - Throws: ``GossipNodeError``: `invalid`, `unreachable`.
    public func join(_ address: String) async throws -> Int {
        guard let peer = PeerAddress(address) else {
            throw GossipNodeError(
                .invalid,
                "cannot join \(String(reflecting: address)): a peer is HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT"
            )
        }
        let loop = loop
        let reached = try await eventLoop.flatSubmit { loop.value.reach(peer, unlessMember: false) }.get()
        if case .failed(_, let reason) = reached.outcome {
            throw GossipNodeError(.unreachable, "cannot join \(peer): \(reason)")
        }
        return reached.nodes
    }

    /// Forgets a dead or left node; this node no longer looks for it. A declared peer's address stays declared.
    ///
    /// - Throws: ``GossipNodeError``: `unknownNode`, `isAlive`.
    public func forget(_ name: String) async throws {
        let code = await onLoop { $0.forget(name) } ?? nil
        switch code {
        case .isAlive:
            throw GossipNodeError(.isAlive, "cannot forget node \(name): it is alive, and would be back at once")
        case .unknownNode: throw GossipNodeError(.unknownNode, "cannot forget node \(name): no node has this name")
        default: return
        }
    }

    // MARK: Keys

    /// The keys, the primary one first; empty if the cluster is not encrypted.
    public func keys() async -> [GossipKey] { await onLoop { $0.codec.keyring?.keys ?? [] } ?? [] }

    /// Adds a key to decrypt with.
    ///
    /// - Throws: ``GossipNodeError``, `noKeyring`.
    public func addKey(_ key: GossipKey) async throws {
        try await changeKeys { (keyring) throws(KeyringError) in keyring.add(key) }
    }

    /// Makes a key the primary one, which encrypts.
    ///
    /// - Throws: ``GossipNodeError``, `noKeyring`; ``KeyringError``, `isUnknown`.
    public func useKey(_ key: GossipKey) async throws {
        try await changeKeys { (keyring) throws(KeyringError) in try keyring.use(key) }
    }

    /// Removes a key: this node no longer decrypts with it.
    ///
    /// - Throws: ``GossipNodeError``, `noKeyring`; ``KeyringError``, `isPrimary`.
    public func removeKey(_ key: GossipKey) async throws {
        try await changeKeys { (keyring) throws(KeyringError) in try keyring.remove(key) }
    }

    private func changeKeys(_ change: @escaping @Sendable (inout Keyring) throws(KeyringError) -> Void) async throws {
        let loop = loop
        try await eventLoop.submit {
            guard var keyring = loop.value.codec.keyring else {
                throw GossipNodeError(
                    .noKeyring,
                    "cannot change the gossip keys: this node started without a key, so its cluster is not encrypted"
                )
            }
            try change(&keyring)
            loop.value.codec.keyring = keyring
        }.get()
    }

    // MARK: The loop

    /// The sockets; nil while they are not bound.
    func sockets() async -> GossipSockets? { await onLoop { $0.sockets } ?? nil }

    private static let notRunning = GossipNodeError(.unavailable, "the gossip node is not running")

    /// Runs `body` on the event loop; nil if the loop has ended.
    private func onLoop<R: Sendable>(_ body: @escaping @Sendable (GossipLoop) -> R) async -> R? {
        let loop = loop
        return try? await eventLoop.submit { body(loop.value) }.get()
    }
}
