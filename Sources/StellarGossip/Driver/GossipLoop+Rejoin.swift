internal import NIOCore
internal import NIOPosix

/// Runs the attempts of ``Rejoin`` to reach lost peers.
extension GossipLoop {
    /// Addresses of one name that an attempt connects to, all at once.
    private static let maximumAddresses = 8

    /// Starts the attempts that are due.
    func startAttempts(now: GossipTime) {
        // A node that leaves the cluster stops looking for peers.
        guard machine?.isLeaving == false, isBound else { return }
        for attempt in rejoin.takeAttempts(now: now) {
            reach(attempt.address, unlessMember: true).assumeIsolated().whenSuccess { [self] reached in
                rejoin.ended(attempt, reached.outcome, now: GossipClock.now, using: &random)
                drainEffects()
            }
        }
    }

    /// The result of an attempt.
    struct Reached: Sendable {
        var outcome: Rejoin.Outcome
        /// How many nodes the peer's state had.
        var nodes = 0
    }

    /// Resolves an address and joins the peers there. The future never fails.
    func reach(_ address: PeerAddress, unlessMember: Bool) -> EventLoopFuture<Reached> {
        resolve(address).assumeIsolated().flatMap { [self] endpoints -> EventLoopFuture<Reached> in
            // A name may resolve to the addresses of all nodes, including this one.
            let others = endpoints.filter { !isOwn($0) }
            if unlessMember, others.isEmpty || others.contains(where: isMember) {
                return eventLoop.makeSucceededFuture(Reached(outcome: .isMember(endpoints)))
            }
            return join(others.isEmpty ? endpoints : others)
        }.flatMapErrorThrowing { error in
            Reached(outcome: .failed([], (error as? NameFailure)?.text ?? StreamFailure.text(error)))
        }.nonisolated()
    }

    private func join(_ endpoints: [GossipEndpoint]) -> EventLoopFuture<Reached> {
        let tries = endpoints.prefix(Self.maximumAddresses).map { pushPull(with: $0, isJoin: true) }
        return EventLoopFuture.whenAllComplete(Array(tries), on: eventLoop).assumeIsolated().map { results in
            let answered = results.compactMap { try? $0.get() }
            if let nodes = answered.max() { return Reached(outcome: .answered(endpoints), nodes: nodes) }
            let errors = zip(endpoints, results).compactMap { endpoint, result -> String? in
                guard case .failure(let error) = result else { return nil }
                return "\(endpoint): \(StreamFailure.text(error))"
            }
            return Reached(outcome: .failed(endpoints, errors.joined(separator: "; ")))
        }.nonisolated()
    }

    private func isOwn(_ endpoint: GossipEndpoint) -> Bool {
        machine?.own.endpoint.isSame(as: endpoint) ?? false
    }

    private func isMember(_ endpoint: GossipEndpoint) -> Bool {
        machine?.hasPresentMember(at: endpoint) ?? false
    }

    private func resolve(_ address: PeerAddress) -> EventLoopFuture<[GossipEndpoint]> {
        if let literal = WireAddress(text: address.host) {
            return eventLoop.makeSucceededFuture([GossipEndpoint(address: literal, port: address.port)])
        }
        // getaddrinfo(3) blocks until the name servers answer.
        let found = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try NameLookup.endpoints(of: address) }
        let promise = eventLoop.makePromise(of: [GossipEndpoint].self)
        found.cascade(to: promise)
        let limit = eventLoop.scheduleTask(in: TimeAmount(configuration.gossip.streamTimeout)) {
            promise.fail(NameFailure(text: "cannot resolve \(address.host): no response from the name servers in time"))
        }
        promise.futureResult.whenComplete { _ in limit.cancel() }
        return promise.futureResult
    }
}
