import StellarGossip

/// Drives each node's `Rejoin` as the node's driver does: it gets every event, starts the attempts that are due, and is
/// saved and loaded by the next life.
extension GossipSimulation {
    mutating func beginRejoin(_ index: Int, declared peer: Int?, known: [KnownPeer]) {
        let now = localNow(index)
        let declared = peer.map { [PeerAddress(Self.endpoint(nodes[$0].address))] } ?? []
        var rejoin = Rejoin(name: Self.name(index), declared: declared, configuration: RejoinConfiguration(), now: now)
        rejoin.load(known, unixSeconds: time / 1_000_000_000, now: now)
        nodes[index].rejoin = rejoin
    }

    func savedPeers(_ index: Int) -> [KnownPeer] {
        nodes[index].rejoin?.saved(unixSeconds: time / 1_000_000_000, now: localNow(index)) ?? []
    }

    mutating func updateRejoin(_ event: GossipEvent, at index: Int) {
        guard nodes[index].rejoin != nil else { return }
        let now = localNow(index)
        switch event {
        case .joined(let member), .updated(let member): nodes[index].rejoin?.saw(member)
        case .left(let member), .failed(let member): nodes[index].lost(member, now: now)
        default: return
        }
    }

    /// Starts the attempts that are due.
    mutating func startAttempts(_ index: Int) {
        guard nodes[index].rejoin != nil, !nodes[index].hasLeft else { return }
        let now = localNow(index)
        for attempt in nodes[index].rejoin?.takeAttempts(now: now) ?? [] {
            guard let endpoint = GossipEndpoint(attempt.address.description), let to = address(of: endpoint) else {
                continue
            }
            let isThere =
                to == nodes[index].address || nodes[index].machine.hasPresentMember(at: endpoint)
            if isThere {
                nodes[index].ended(attempt, .isMember([endpoint]), now: now)
            } else {
                attempts[nextAttempt] = attempt
                exchange(from: index, to: to, isJoin: true, attempt: nextAttempt)
                nextAttempt += 1
            }
        }
    }

    /// Takes the result of a push/pull that is over, or that can never complete.
    mutating func conclude(_ attempt: Int?, of index: Int, life: Int, isAnswered: Bool) {
        guard let attempt, let made = attempts.removeValue(forKey: attempt), nodes[index].life == life,
            nodes[index].isUp, let endpoint = GossipEndpoint(made.address.description)
        else { return }
        let now = localNow(index)
        nodes[index].ended(made, isAnswered ? .answered([endpoint]) : .failed([endpoint], "unreachable"), now: now)
        schedule(index)
    }
}
