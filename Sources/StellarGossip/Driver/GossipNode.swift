public import Logging
public import NIOCore
public import NIOPosix

/// A member of a cluster: knows who is there, tells the others that it is, and finds them again when they were away.
///
/// It speaks memberlist's protocol, with datagrams and streams on one port. One event loop does it all: it owns a
/// ``MembershipMachine`` and a ``Rejoin``, and nothing that a peer sends ends it. No identity of a peer is known beyond
/// what the keys of the cluster prove: who holds one may speak for every node. Where peers prove who they are, what
/// ``GossipLoop/received(_:from:)`` and ``GossipLoop/answer(_:from:)`` hand to the machine is what has to be checked.
///
///     let node = try GossipNode(configuration, logger: logger)
///     let events = node.events()
///     async let running: Void = node.run()
///     for await event in events { … }
public final class GossipNode: Sendable {
    /// A socket that could not be bound again is tried again this often.
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
    ///   - store: where known peers are kept; without one a node that restarts knows only the declared ones.
    /// - Throws: ``GossipNodeError``, `invalid`: a name, label, metadata or peer that there cannot be.
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

    /// Binds both sockets, and begins to look for the peers. ``run()`` does this where it was not done.
    ///
    /// - Returns: where others reach the node.
    /// - Throws: ``GossipNodeError``: `portTaken`, `addressMissing`, `notPermitted`, `unavailable`. Nothing stays bound.
    @discardableResult
    public func start() async throws -> GossipEndpoint {
        if let endpoint = await onLoop({ $0.isBound ? $0.machine?.own.endpoint : nil }) ?? nil { return endpoint }
        do {
            // Where it was before, if it was: others look for it there.
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
                "known peers cannot be read; only the declared ones are looked for",
                metadata: ["reason": "\(error)"]
            )
            return []
        }
    }

    /// Gossips until the task is cancelled, once in the node's life; then the sockets are closed, without a farewell: see ``leave(within:)``. Waits
    /// for no peer. Sockets that end by themselves are bound again, every second, and the log says why that fails.
    ///
    /// - Throws: ``GossipNodeError`` where the sockets cannot be bound at the beginning.
    public func run() async throws {
        if await onLoop({ $0.isBound }) != true { try await start() }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.saveWhenAsked() }
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
                    logger.notice("the gossip sockets are bound again")
                } catch {
                    if before == nil {
                        logger.error("the gossip sockets cannot be bound", metadata: ["reason": "\(error)"])
                    }
                }
            }
        }
    }

    /// Waits until one of the sockets is closed, by ``stop()`` or by itself, and closes the other.
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

    private func saveWhenAsked() async {
        for await _ in saveRequests { await save() }
        await save()
    }

    private func save() async {
        guard let store, let peers = await onLoop({ $0.takeSaved() }) ?? nil else { return }
        do {
            try await store.save(peers)
        } catch {
            logger.error("known peers cannot be saved", metadata: ["reason": "\(error)"])
        }
    }

    /// Says farewell, so that nobody looks for this node. It goes on answering until ``run()`` is cancelled.
    ///
    /// - Returns: false if it was not said often enough within `limit`.
    @discardableResult
    public func leave(within limit: Duration) async -> Bool {
        let loop = loop
        let eventLoop = eventLoop
        let said = eventLoop.flatSubmit { () -> EventLoopFuture<Bool> in
            let promise = eventLoop.makePromise(of: Bool.self)
            let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { promise.succeed(false) }
            loop.value.leave().whenComplete { _ in
                timer.cancel()
                promise.succeed(true)
            }
            return promise.futureResult
        }
        return (try? await said.get()) ?? false
    }

    // MARK: What happens

    /// What becomes of the nodes, from now on.
    public func events() -> GossipFeed<GossipNodeEvent> { eventReaders.feed() }

    /// User messages of other nodes, from now on.
    public func messages() -> GossipFeed<[UInt8]> { messageReaders.feed() }

    // MARK: What is

    /// Everybody that is or was there, this node with them, by their names. Those that died are kept until they come back
    /// or are forgotten (``forget(_:)``), those that left for ``RejoinConfiguration/leftRetention``.
    public func members() async -> [MemberStatus] { await onLoop { $0.members() } ?? [] }

    /// Whom this node looks for or looked for: the declared ones first.
    public func peers() async -> [PeerStatus] { await onLoop { $0.peers() } ?? [] }

    /// Round trips to those that answered at least one ping, by their names.
    public func roundTrips() async -> [RoundTripStatus] { await onLoop { $0.roundTrips() } ?? [] }

    public func counters() async -> GossipNodeCounters { await onLoop { $0.allCounters() } ?? GossipNodeCounters() }

    public func health() async -> GossipHealth { await onLoop { $0.health() } ?? GossipHealth.ended }

    // MARK: What is to be done

    /// Tells the others new metadata.
    ///
    /// - Throws: ``GossipNodeError``, `invalid`, above 512 bytes.
    public func updateMetadata(_ bytes: [UInt8]) async throws {
        let isTaken = await onLoop { loop in
            defer { loop.settle() }
            return loop.machine?.update(metadata: bytes) ?? false
        }
        if bytes.count > WireLimits.metadata { throw GossipNodeConfiguration.metadataTooLong(bytes.count) }
        if isTaken != true { throw Self.notRunning }
    }

    /// Sends a message to a node that is there.
    ///
    /// - Parameter reliably: on a stream, and not over before the node has the bytes; otherwise in a datagram, which may be
    ///   lost.
    /// - Throws: ``GossipNodeError``: `unknownNode`, `unreachable`, `invalid` where it is too long.
    public func send(_ message: [UInt8], to name: String, reliably: Bool = false) async throws {
        let loop = loop
        let sent = eventLoop.flatSubmit { loop.value.send(message, to: name, reliably: reliably) }
        try await sent.get()
    }

    /// Has a message passed on to a few nodes at a time, as often as news of members are, where those leave room. The nodes
    /// that get it find it in ``messages()``, and call this in turn if it was new to them.
    ///
    /// - Parameter subject: a later message about the same one takes its place, if that still waits.
    /// - Throws: ``GossipNodeError``: `invalid` where it does not fit a datagram; `unavailable` where the node does not run.
    public func broadcast(_ message: [UInt8], about subject: String) async throws {
        let isTaken = await onLoop { loop in
            defer { loop.settle() }
            return loop.machine?.broadcast(message, about: subject)
        }
        guard let isTaken, let isTaken else { throw Self.notRunning }
        if !isTaken {
            throw GossipNodeError(.invalid, "a message of \(message.count) bytes does not fit a datagram")
        }
    }

    /// Compares everything with whoever is at an address, now and once. It is not looked for afterwards.
    ///
    /// - Parameter address: see ``PeerAddress``.
    /// - Returns: how many nodes it told of.
    /// - Throws: ``GossipNodeError``: `invalid`, `unreachable`.
    public func join(_ address: String) async throws -> Int {
        guard let peer = PeerAddress(address) else {
            throw GossipNodeError(.invalid, "\(String(reflecting: address)) is not HOST, HOST:PORT or [IPv6]:PORT")
        }
        let loop = loop
        let reached = try await eventLoop.flatSubmit { loop.value.reach(peer, unlessMember: false) }.get()
        if case .failed(_, let reason) = reached.outcome { throw GossipNodeError(.unreachable, "\(peer): \(reason)") }
        return reached.nodes
    }

    /// Takes a node that is dead or left out of all that this one knows, and looks for it no more. Where it is declared as
    /// a peer, its address still is.
    ///
    /// - Throws: ``GossipNodeError``: `unknownNode`, `isAlive`.
    public func forget(_ name: String) async throws {
        let code = await onLoop { $0.forget(name) } ?? nil
        switch code {
        case .isAlive: throw GossipNodeError(.isAlive, "the node \(name) lives; it would be back at once")
        case .unknownNode: throw GossipNodeError(.unknownNode, "there is no node \(name)")
        default: return
        }
    }

    // MARK: Keys

    /// The primary one first; empty where the cluster is not encrypted.
    public func keys() async -> [GossipKey] { await onLoop { $0.codec.keyring?.keys ?? [] } ?? [] }

    /// Decrypts with this key, too.
    ///
    /// - Throws: ``GossipNodeError``, `noKeyring`.
    public func addKey(_ key: GossipKey) async throws {
        try await changeKeys { (keyring) throws(KeyringError) in keyring.add(key) }
    }

    /// Encrypts with this key from now on.
    ///
    /// - Throws: ``GossipNodeError``, `noKeyring`; ``KeyringError``, `isUnknown`.
    public func useKey(_ key: GossipKey) async throws {
        try await changeKeys { (keyring) throws(KeyringError) in try keyring.use(key) }
    }

    /// Decrypts with this key no more.
    ///
    /// - Throws: ``GossipNodeError``, `noKeyring`; ``KeyringError``, `isPrimary`.
    public func removeKey(_ key: GossipKey) async throws {
        try await changeKeys { (keyring) throws(KeyringError) in try keyring.remove(key) }
    }

    private func changeKeys(_ change: @escaping @Sendable (inout Keyring) throws(KeyringError) -> Void) async throws {
        let loop = loop
        try await eventLoop.submit {
            guard var keyring = loop.value.codec.keyring else {
                throw GossipNodeError(.noKeyring, "this cluster is not encrypted: its nodes were started without a key")
            }
            try change(&keyring)
            loop.value.codec.keyring = keyring
        }.get()
    }

    // MARK: The loop

    /// nil while they are not bound.
    func sockets() async -> GossipSockets? { await onLoop { $0.sockets } ?? nil }

    private static let notRunning = GossipNodeError(.unavailable, "the node does not run")

    /// nil where the event loop has ended.
    private func onLoop<R: Sendable>(_ body: @escaping @Sendable (GossipLoop) -> R) async -> R? {
        let loop = loop
        return try? await eventLoop.submit { body(loop.value) }.get()
    }
}
