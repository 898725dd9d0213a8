internal import Logging
internal import NIOCore
internal import NIOPosix

/// Streams: push/pull, pings if datagrams are lost, and messages that must arrive.
extension GossipLoop {
    // MARK: Streams of peers

    /// Handles the message of a peer's stream.
    ///
    /// - Returns: the response; nil if the message needs no response.
    func respond(to message: StreamMessage, from peer: GossipEndpoint) throws(WireError) -> [UInt8]? {
        defer { drainEffects() }
        switch message {
        case .ping(let ping):
            // A node that took over the address of another must not answer in its place.
            guard ping.node.isEmpty || ping.node == configuration.name else { return nil }
            return try framed(.acknowledgement(Acknowledgement(sequence: ping.sequence)))
        case .pushPull(let state):
            guard let own = machine?.localState(isJoin: false) else { return nil }
            let response = try framed(.pushPull(own))
            // merge counts and logs the reason if it fails.
            try? merge(state, from: peer)
            return response
        case .user(let bytes):
            messages.push(bytes)
            return nil
        case .acknowledgement, .failure:
            dropped(.unexpected, from: peer)
            return nil
        }
    }

    /// The response to an undecodable message. A node of another cluster gets none.
    func failure(_ error: WireError) -> [UInt8]? {
        if error == .label { return nil }
        return try? framed(.failure(RemoteFailure(DropReason(error).explanation)))
    }

    private func framed(_ message: StreamMessage) throws(WireError) -> [UInt8] {
        var random = random
        return try StreamCodec(codec).encode(message.encoded()) { SealedBlock.Nonce(using: &random) }
    }

    // MARK: Streams to peers

    /// Opens a stream to a peer, sends a message, and receives the response if there is one.
    func exchange(
        _ message: StreamMessage,
        with endpoint: GossipEndpoint,
        hasResponse: Bool,
        limit: Duration
    ) -> EventLoopFuture<StreamMessage?> {
        let done = eventLoop.makePromise(of: StreamMessage?.self)
        let codec = StreamCodec(codec)
        let bytes: [UInt8]
        guard let address = endpoint.socketAddress else {
            done.fail(StreamFailure.noAddress)
            return done.futureResult
        }
        do throws(WireError) {
            bytes = codec.preamble + (try framed(message))
        } catch {
            done.fail(error)
            return done.futureResult
        }
        counters.streamsOpened += 1
        let timeout = TimeAmount(max(limit, .zero))
        let connection = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let stream = OutboundStream(codec, message: bytes, hasResponse: hasResponse, done: done)
                    try channel.pipeline.syncOperations.addHandler(stream)
                }
            }
            .connect(to: address)
        connection.whenFailure { done.fail($0) }
        let deadline = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            done.fail(StreamFailure.timedOut)
            connection.whenSuccess { $0.close(promise: nil) }
        }
        done.futureResult.assumeIsolated().whenComplete { [self] result in
            deadline.cancel()
            if case .failure = result { counters.streamsFailed += 1 }
        }
        return done.futureResult
    }

    /// Exchanges the whole state with a peer, and merges the peer's.
    ///
    /// - Returns: how many nodes the peer's state had.
    func pushPull(with endpoint: GossipEndpoint, isJoin: Bool) -> EventLoopFuture<Int> {
        guard let machine else { return eventLoop.makeFailedFuture(StreamFailure.closed) }
        let state = StreamMessage.pushPull(machine.localState(isJoin: isJoin))
        let response = exchange(state, with: endpoint, hasResponse: true, limit: configuration.gossip.streamTimeout)
        return response.assumeIsolated().flatMapThrowing { [self] response in
            switch response {
            case .pushPull(let state):
                try merge(state, from: endpoint)
                drainEffects()
                return state.nodes.count
            case .failure(let failure): throw StreamFailure.refused(failure.text)
            default: throw StreamFailure.unexpected
            }
        }.nonisolated()
    }

    func pingOnStream(_ ping: Ping, to endpoint: GossipEndpoint, limit: Duration) {
        let response = exchange(.ping(ping), with: endpoint, hasResponse: true, limit: limit)
        response.assumeIsolated().whenSuccess { [self] response in
            guard case .acknowledgement(let ack) = response, ack.sequence == ping.sequence else { return }
            machine?.streamAnswered(sequence: ack.sequence)
            drainEffects()
        }
    }

    // MARK: Merging

    private func merge(_ state: PushPull, from peer: GossipEndpoint) throws {
        for error in state.refused { dropped(DropReason(error), from: peer) }
        do throws(MembershipMachine.MergeError) {
            try reportingUnsound(from: peer) { () throws(MembershipMachine.MergeError) in
                try machine?.merge(state, now: GossipClock.now, using: &random)
            }
        } catch {
            dropped(.version, from: peer, detail: error.description)
            throw error
        }
    }
}
