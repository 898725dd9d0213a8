internal import Logging
internal import NIOCore
internal import NIOPosix

/// What goes over streams: push/pull, pings where datagrams are lost, and messages that must arrive.
extension GossipLoop {
    // MARK: Answering

    /// Does what a peer's stream asks for.
    ///
    /// - Returns: the answer; nil is silence.
    func answer(_ message: StreamMessage, from peer: GossipEndpoint) throws(WireError) -> [UInt8]? {
        defer { settle() }
        switch message {
        case .ping(let ping):
            // Who took over the address of another does not answer in its place.
            guard ping.node.isEmpty || ping.node == configuration.name else { return nil }
            return try framed(.acknowledgement(Acknowledgement(sequence: ping.sequence)))
        case .pushPull(let state):
            guard let own = machine?.localState(isJoin: false) else { return nil }
            let answer = try framed(.pushPull(own))
            // What it may not bring is counted and told there.
            try? merge(state, from: peer)
            return answer
        case .user(let bytes):
            messages.push(bytes)
            return nil
        case .acknowledgement, .failure:
            dropped(.unexpected, from: peer)
            return nil
        }
    }

    /// What is answered to a message that could not be read. Another cluster's node learns nothing from us.
    func failure(_ error: WireError) -> [UInt8]? {
        if error == .label { return nil }
        return try? framed(.failure(RemoteFailure(DropReason(error).explanation)))
    }

    private func framed(_ message: StreamMessage) throws(WireError) -> [UInt8] {
        var random = random
        return try StreamCodec(codec).encode(message.encoded()) { SealedBlock.Nonce(using: &random) }
    }

    // MARK: Asking

    /// Says something to a peer on a stream of its own.
    func exchange(
        _ message: StreamMessage,
        with endpoint: GossipEndpoint,
        hasAnswer: Bool,
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
                    let stream = OutboundStream(codec, message: bytes, hasAnswer: hasAnswer, done: done)
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

    /// Compares all that both know.
    ///
    /// - Returns: how many nodes the peer told of.
    func pushPull(with endpoint: GossipEndpoint, isJoin: Bool) -> EventLoopFuture<Int> {
        guard let machine else { return eventLoop.makeFailedFuture(StreamFailure.closed) }
        let state = StreamMessage.pushPull(machine.localState(isJoin: isJoin))
        let answer = exchange(state, with: endpoint, hasAnswer: true, limit: configuration.gossip.streamTimeout)
        return answer.assumeIsolated().flatMapThrowing { [self] answer in
            switch answer {
            case .pushPull(let state):
                try merge(state, from: endpoint)
                settle()
                return state.nodes.count
            case .failure(let failure): throw StreamFailure.refused(failure.text)
            default: throw StreamFailure.unexpected
            }
        }.nonisolated()
    }

    func pingOnStream(_ ping: Ping, to endpoint: GossipEndpoint, limit: Duration) {
        let answer = exchange(.ping(ping), with: endpoint, hasAnswer: true, limit: limit)
        answer.assumeIsolated().whenSuccess { [self] answer in
            guard case .acknowledgement(let answer) = answer, answer.sequence == ping.sequence else { return }
            machine?.streamAnswered(sequence: answer.sequence)
            settle()
        }
    }

    // MARK: Merging

    private func merge(_ state: PushPull, from peer: GossipEndpoint) throws {
        for error in state.refused { dropped(DropReason(error), from: peer) }
        do throws(MembershipMachine.MergeError) {
            try tellingUnsound(from: peer) { () throws(MembershipMachine.MergeError) in
                try machine?.merge(state, now: GossipClock.now, using: &random)
            }
        } catch {
            dropped(.version, from: peer, detail: error.description)
            throw error
        }
    }
}
