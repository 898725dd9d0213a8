internal import NIOCore
internal import NIOPosix

/// Looking for peers that are not there.
extension GossipLoop {
    /// Addresses of one name that are tried; all at once.
    private static let maximumAddresses = 8

    /// Makes the tries that are due.
    func look(now: GossipTime) {
        // One that leaves looks for nobody.
        guard machine?.isLeaving == false, isBound else { return }
        for attempt in rejoin.takeTries(now: now) {
            reach(attempt.address, unlessMember: true).assumeIsolated().whenSuccess { [self] reached in
                rejoin.ended(attempt, reached.outcome, now: GossipClock.now, using: &random)
                settle()
            }
        }
    }

    /// What became of looking for a peer.
    struct Reached: Sendable {
        var outcome: Rejoin.Outcome
        /// How many nodes it told of.
        var nodes = 0
    }

    /// Resolves an address and joins whoever is there. The future never fails.
    func reach(_ address: PeerAddress, unlessMember: Bool) -> EventLoopFuture<Reached> {
        resolve(address).assumeIsolated().flatMap { [self] endpoints -> EventLoopFuture<Reached> in
            // A name may stand for all nodes, this one with them.
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
        // getaddrinfo(3) blocks, for as long as its servers are silent.
        let found = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try NameLookup.endpoints(of: address) }
        let promise = eventLoop.makePromise(of: [GossipEndpoint].self)
        found.cascade(to: promise)
        let limit = eventLoop.scheduleTask(in: TimeAmount(configuration.gossip.streamTimeout)) {
            promise.fail(NameFailure(text: "\(address.host): its name servers do not answer"))
        }
        promise.futureResult.whenComplete { _ in limit.cancel() }
        return promise.futureResult
    }
}
