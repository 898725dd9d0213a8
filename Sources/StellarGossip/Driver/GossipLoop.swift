import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The driver of ``MembershipMachine`` and ``Rejoin``. It lives on one event loop, with everything it owns.
///
/// It decides nothing about membership. It decodes bytes and gives them to the machine, runs the machine's effects in
/// order, and has one timer, for the earliest deadline.
final class GossipLoop {
    /// Streams that peers may have open at a time (memberlist allows as many). Each costs a descriptor and its message.
    static let maximumInboundStreams = 128
    /// Bytes of unfinished messages on all of them. A push/pull of ten thousand nodes has about two million.
    static let maximumKeptBytes = 64 << 20
    /// How long after a change the known peers are saved: a burst of joins is one write.
    static let saveDelay = Duration.seconds(1)
    /// For how long a name conflict is shown after it was last noticed: longer than the time between two push/pulls of
    /// a large cluster.
    static let conflictMemory = Duration.seconds(300)
    static let maximumConflicts = 64

    let configuration: GossipNodeConfiguration
    let eventLoop: any EventLoop
    let logger: Logger
    let events: GossipReaders<GossipNodeEvent>
    let messages: GossipReaders<[UInt8]>

    var codec: PacketCodec
    var machine: MembershipMachine?
    var rejoin: Rejoin
    var random = SystemRandomNumberGenerator()
    var counters = GossipNodeCounters()
    var conflicts: [String: Conflict] = [:]
    /// Why the sockets are not bound.
    var problem: String?

    /// A second node under one name.
    struct Conflict {
        var other: GossipEndpoint
        var noticed: GossipTime
    }

    private(set) var sockets: GossipSockets?
    /// Where the sockets are, or last were, bound.
    private(set) var bound: GossipEndpoint?
    private var dropLog = DropLog()
    private var inboundStreams = 0
    private var keptBytes = 0
    private var timer: (at: GossipTime, scheduled: Scheduled<Void>)?
    private var leavePromises: [EventLoopPromise<Void>] = []
    private var hasSentLeave = false
    /// Wakes the task that saves the known peers.
    private let saveRequested: AsyncStream<Void>.Continuation
    private var savedVersion = 0
    private var saveAt: GossipTime?
    /// A save was requested and has not run yet.
    private var isUnsaved = false
    private var isStopped = false

    init(
        _ configuration: GossipNodeConfiguration,
        declared: [PeerAddress],
        eventLoop: any EventLoop,
        logger: Logger,
        events: GossipReaders<GossipNodeEvent>,
        messages: GossipReaders<[UInt8]>,
        saveRequested: AsyncStream<Void>.Continuation
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.events = events
        self.messages = messages
        self.saveRequested = saveRequested
        codec = PacketCodec(label: Array(configuration.label.utf8), keyring: configuration.keyring)
        codec.compresses = configuration.compresses
        codec.verifiesIncoming = configuration.verifiesIncoming
        codec.encryptsOutgoing = configuration.encryptsOutgoing
        rejoin = Rejoin(
            name: configuration.name,
            declared: declared,
            configuration: configuration.rejoin,
            now: GossipClock.now
        )
    }

    // MARK: Start and stop

    var isBound: Bool { sockets != nil }

    /// Takes newly bound sockets. The first time, this starts the machine.
    ///
    /// - Returns: where others reach this node.
    func began(_ sockets: GossipSockets, known: [KnownPeer]) -> GossipEndpoint {
        self.sockets = sockets
        bound = sockets.bound
        problem = nil
        let now = GossipClock.now
        if machine == nil {
            rejoin.load(known, unixSeconds: GossipClock.unixSeconds, now: now)
            savedVersion = rejoin.version
            machine = MembershipMachine(
                name: configuration.name,
                endpoint: advertised(bound: sockets.bound),
                metadata: configuration.metadata,
                versions: configuration.versions,
                configuration: configuration.gossip,
                codecOverhead: codec.overhead,
                now: now,
                using: &random
            )
        }
        drainEffects()
        return machine?.own.endpoint ?? sockets.bound
    }

    private func advertised(bound: GossipEndpoint) -> GossipEndpoint {
        if let advertise = configuration.advertise {
            return GossipEndpoint(address: advertise.address, port: advertise.port == 0 ? bound.port : advertise.port)
        }
        guard bound.address.isWildcard else { return bound }
        let isIPv6 = bound.address.ipv4 == nil
        let peers = rejoin.order.compactMap { key -> GossipEndpoint? in
            guard let target = rejoin.targets[key], let address = WireAddress(text: target.address.host) else {
                return nil
            }
            return GossipEndpoint(address: address, port: target.address.port)
        }
        // Documentation addresses (RFC 5737, RFC 3849) stand for any destination. Nothing is sent to them.
        let anywhere = [isIPv6 ? "2001:db8::1" : nil, "192.0.2.1"].compactMap { text in
            text.flatMap { WireAddress(text: $0) }.map { GossipEndpoint(address: $0, port: bound.port) }
        }
        let found =
            (peers.filter { !$0.address.isLoopback } + anywhere).lazy.compactMap { LocalAddress.toReach($0) }.first
            ?? LocalAddress.ofAnyInterface() ?? (isIPv6 ? WireAddress(text: "::1") : WireAddress([127, 0, 0, 1]))
        return GossipEndpoint(address: found ?? bound.address, port: bound.port)
    }

    /// The datagram socket was closed, by ``stop()`` or because of an error.
    func datagramsClosed() {
        sockets = nil
    }

    func stop() {
        isStopped = true
        timer?.scheduled.cancel()
        timer = nil
        sockets?.datagrams.close(promise: nil)
        sockets?.streams.close(promise: nil)
        sockets = nil
        finishLeaving()
        saveRequested.finish()
    }

    // MARK: Timer

    /// Runs the effects of the machine and the attempts of `Rejoin`, and sets the timer.
    func drainEffects() {
        guard machine != nil, !isStopped else { return }
        let now = GossipClock.now
        while let effects = machine?.takeEffects(), !effects.isEmpty {
            for effect in effects { perform(effect, now: now) }
        }
        startAttempts(now: now)
        requestSave(now: now)
        schedule(now: now)
    }

    private func schedule(now: GossipTime) {
        guard var next = machine?.deadline else { return }
        if let deadline = rejoin.deadline { next = min(next, deadline) }
        if let saveAt { next = min(next, saveAt) }
        if let timer, timer.at <= next { return }
        timer?.scheduled.cancel()
        let wait = TimeAmount(max(next - now, .zero))
        let scheduled = eventLoop.assumeIsolated().scheduleTask(in: wait) { [self] in
            timer = nil
            wake()
        }
        timer = (next, scheduled)
    }

    private func wake() {
        machine?.advance(now: GossipClock.now, using: &random)
        drainEffects()
    }

    private func perform(_ effect: GossipEffect, now: GossipTime) {
        switch effect {
        case .send(let messages, let endpoint, let hasChecksum):
            send(messages, to: endpoint, hasChecksum: hasChecksum)
        case .pingOnStream(let ping, let endpoint, let deadline):
            pingOnStream(ping, to: endpoint, limit: deadline - now)
        case .pushPull(let endpoint):
            pushPull(with: endpoint, isJoin: false).assumeIsolated().whenComplete { [self] result in
                guard case .failure(let error) = result else { return }
                logger.debug(
                    "push/pull failed",
                    metadata: ["stellar.peer": "\(endpoint)", "reason": "\(StreamFailure.text(error))"]
                )
            }
        case .event(let event):
            report(event, now: now)
        case .deliver(let bytes):
            messages.push(bytes)
        }
    }

    // MARK: Datagrams

    func received(_ bytes: [UInt8], from source: GossipEndpoint) {
        counters.datagramsReceived += 1
        counters.bytesReceived += bytes.count
        guard machine != nil else { return }
        let decoded = codec.decode(bytes[...])
        for error in decoded.errors { dropped(DropReason(error), from: source) }
        let now = GossipClock.now
        reportingUnsound(from: source) {
            for message in decoded.messages { machine?.receive(message, from: source, now: now, using: &random) }
        }
    }

    /// Logs a drop if `body` makes the machine count an unsound alive message. The machine itself does not log.
    func reportingUnsound<Failure: Error>(
        from peer: GossipEndpoint,
        _ body: () throws(Failure) -> Void
    ) throws(Failure) {
        let before = machine?.counters.unsoundClaims ?? 0
        try body()
        if (machine?.counters.unsoundClaims ?? 0) > before { dropped(.unsound, from: peer) }
    }

    /// - Returns: whether the kernel took the datagram.
    @discardableResult
    func send(_ messages: [[UInt8]], to endpoint: GossipEndpoint, hasChecksum: Bool) -> Bool {
        guard let sockets else { return false }
        var random = random
        guard
            let bytes = try? codec.encode(
                messages,
                hasChecksum: hasChecksum,
                nonce: { SealedBlock.Nonce(using: &random) }
            )
        else {
            dropped(.notSendable, from: endpoint)
            return false
        }
        let sent = endpoint.withSocketAddress(family: sockets.family) { address, length in
            sendto(sockets.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
        }
        guard let sent, sent >= 0 else {
            // Every error counts as a loss in the network, which the failure detector handles.
            let reason = sent == nil ? "no address of the socket's family" : String(cString: strerror(errno))
            dropped(.sendFailed, from: endpoint, detail: reason)
            return false
        }
        counters.datagramsSent += 1
        counters.bytesSent += bytes.count
        return true
    }

    // MARK: Streams of peers

    /// - Returns: false if too many streams are open.
    func acceptStream(from peer: GossipEndpoint) -> Bool {
        guard machine != nil, inboundStreams < Self.maximumInboundStreams else {
            dropped(.streamLimit, from: peer)
            return false
        }
        inboundStreams += 1
        counters.streamsAccepted += 1
        return true
    }

    /// Counts bytes of an unfinished message.
    ///
    /// - Returns: whether there is room for them.
    func keep(_ bytes: Int) -> Bool {
        keptBytes += bytes
        return keptBytes <= Self.maximumKeptBytes
    }

    func streamEnded(kept: Int) {
        inboundStreams -= 1
        keptBytes -= kept
        // A wrong count would refuse all streams, or limit none.
        assert(inboundStreams >= 0 && keptBytes >= 0, "streams are miscounted")
        assert(inboundStreams > 0 || keptBytes == 0, "\(keptBytes) bytes are kept for no stream")
    }

    // MARK: Log

    func dropped(_ reason: DropReason, from peer: GossipEndpoint, detail: String? = nil) {
        counters.drops[reason, default: 0] += 1
        guard dropLog.shouldLog(reason, from: peer.address, now: GossipClock.now) else { return }
        logger.warning(
            "dropped",
            metadata: [
                "stellar.peer": "\(peer)",
                "reason": "\(detail.map { "\(reason.explanation): \($0)" } ?? reason.explanation)",
            ]
        )
    }

    private func report(_ event: GossipEvent, now: GossipTime) {
        switch event {
        case .joined(let member):
            rejoin.saw(member)
            conflicts[member.name] = nil
            logger.info("node joined", metadata: place(member))
            events.push(.joined(status(member, now: now)))
        case .updated(let member):
            rejoin.saw(member)
            logger.debug("node changed", metadata: place(member))
            events.push(.updated(status(member, now: now)))
        case .left(let member):
            rejoin.lost(member, now: now, using: &random)
            logger.info("node left", metadata: place(member))
            events.push(.left(status(member, now: now)))
        case .failed(let member):
            rejoin.lost(member, now: now, using: &random)
            logger.warning("node is dead: it did not answer", metadata: place(member))
            events.push(.failed(status(member, now: now)))
        case .conflict(let member, let other):
            conflict(member, other, now: now)
        case .leaveSent:
            hasSentLeave = true
            finishLeaving()
        case .datagramsLost(let member):
            dropped(.datagramsLost, from: member.endpoint, detail: member.name)
        case .slept(let duration):
            logger.notice(
                "resumed after suspend; probe timers reset",
                metadata: ["seconds": "\(Int(duration.inSeconds))"]
            )
            events.push(.resumed(after: duration))
        }
    }

    private func place(_ member: Member) -> Logger.Metadata {
        ["stellar.node": "\(member.name)", "stellar.peer": "\(member.endpoint)"]
    }

    private func conflict(_ member: Member, _ other: GossipEndpoint, now: GossipTime) {
        let isNews = conflicts[member.name].map { now - $0.noticed > Self.conflictMemory } ?? true
        if conflicts.count >= Self.maximumConflicts, conflicts[member.name] == nil,
            let oldest = conflicts.min(by: { $0.value.noticed < $1.value.noticed })?.key
        {
            conflicts[oldest] = nil
        }
        conflicts[member.name] = Conflict(other: other, noticed: now)
        if isNews {
            logger.error(
                "two live nodes have the same name; rename one of them",
                metadata: place(member).merging(["other": "\(other)"]) { first, _ in first }
            )
        }
        events.push(.conflict(status(member, now: now), other: other))
    }

    // MARK: Leaving

    /// Leaves the cluster. The future completes when the leave message was sent often enough.
    func leave() -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        if hasSentLeave || machine == nil || isStopped {
            promise.succeed()
        } else {
            leavePromises.append(promise)
            machine?.leave(now: GossipClock.now)
            drainEffects()
        }
        return promise.futureResult
    }

    private func finishLeaving() {
        for promise in leavePromises { promise.succeed() }
        leavePromises = []
    }

    // MARK: Saving

    private func requestSave(now: GossipTime) {
        guard rejoin.version != savedVersion else { return }
        guard let at = saveAt else {
            saveAt = now + Self.saveDelay
            return
        }
        guard now >= at else { return }
        saveAt = nil
        savedVersion = rejoin.version
        isUnsaved = true
        saveRequested.yield()
    }

    /// The known peers to save now; nil if they are saved already.
    func takeSaved() -> [KnownPeer]? {
        let now = GossipClock.now
        rejoin.forgetTheLeft(now: now)
        guard machine != nil, isUnsaved || rejoin.version != savedVersion else { return nil }
        isUnsaved = false
        savedVersion = rejoin.version
        saveAt = nil
        return rejoin.saved(unixSeconds: GossipClock.unixSeconds, now: now)
    }
}
