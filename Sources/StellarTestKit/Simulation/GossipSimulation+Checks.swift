import StellarGossip

/// Looks whether what is promised is kept. Nothing here changes what happens.
///
/// Whether somebody may be called dead depends on the world: it is outside of the design while links are cut or clogged,
/// more datagrams are lost than ``SimulationBounds/loss``, or are too big for the path, and for as long after it as a
/// suspicion of that time can last; and a node is for which the same is true of itself, as it stood still for too long.
extension GossipSimulation {
    /// What lies between the world outside of the design and the last wrong death that may come of it.
    private var aftermath: Int64 {
        guard let bounds = checks?.bounds else { return 0 }
        return (bounds.noticed + bounds.news).inNanoseconds
    }

    private var isWithinDesign: Bool {
        guard let bounds = checks?.bounds else { return true }
        return network.groups.isEmpty && network.cut.isEmpty && network.clogged.isEmpty
            && network.loss + network.tail <= bounds.loss
            && network.maximumDatagram >= bounds.configuration.datagramBytes
    }

    mutating func noteDesign() {
        guard checks != nil else { return }
        if !isWithinDesign {
            checks?.disturbed = .max
        } else if checks?.disturbed == .max {
            checks?.disturbed = time
        }
    }

    mutating func notePause(_ index: Int, _ duration: Int64) {
        guard let bounds = checks?.bounds, duration > bounds.pause(loss: network.loss).inNanoseconds else { return }
        checks?.nodeDisturbed[index] = time
    }

    /// Whether nothing that happened to a node, or to all, excuses a wrong view of it.
    private func isUndisturbed(_ index: Int) -> Bool {
        guard let checks, checks.disturbed != .max else { return false }
        let last = max(checks.disturbed, checks.nodeDisturbed[index])
        return last == .min || time - last > aftermath
    }

    // MARK: What nodes tell of each other

    mutating func check(_ observation: Observation) {
        guard checks != nil else { return }
        let (node, subject) = (observation.node, observation.subject)
        switch observation.kind {
        case .failed:
            checks?.deathsSeen += 1
            guard mustBeCalledAlive(subject) else { return }
            checks?.add(.falseDeath, at: time, "node \(node) of node \(subject)")
        case .left:
            if !nodes[subject].everLeft { checks?.add(.falseFarewell, at: time, "node \(node) of node \(subject)") }
        case .joined:
            // What was forgotten, or came back under a new address, may be in any incarnation that there was.
            checks?.forget(node, subject)
            guard !nodes[subject].isUp, time - nodes[subject].changed > 2 * aftermath, isUndisturbed(subject) else {
                return
            }
            checks?.add(.resurrection, at: time, "node \(node) of node \(subject)")
        case .updated: checks?.forget(node, subject)
        case .conflict, .slept: break
        }
    }

    private func mustBeCalledAlive(_ index: Int) -> Bool {
        guard nodes[index].isUp, !nodes[index].everLeft, isUndisturbed(index) else { return false }
        let since = time - nodes[index].changed
        if nodes[index].isPaused { return since < pauseLimit }
        // One that came back lately can still be taken for its earlier life.
        return nodes[index].life == 0 || since > aftermath
    }

    private var pauseLimit: Int64 { checks?.bounds.pause(loss: network.loss).inNanoseconds ?? 0 }

    mutating func noteCrash(_ index: Int) {
        guard let bounds = checks?.bounds else { return }
        let due = time + bounds.noticed.inNanoseconds
        events.insert(.noticed(index, life: nodes[index].life, crash: time), at: due)
    }

    mutating func checkNoticed(_ index: Int, _ life: Int, _ crash: Int64) {
        guard let checks, !nodes[index].isUp, nodes[index].life == life, checks.disturbed < crash else { return }
        let name = Self.name(index)
        for node in nodes where node.isUp && !node.isPaused && node.changed < crash && !node.hasLeft {
            guard checks.nodeDisturbed[node.index] < crash else { continue }
            if node.machine.member(named: name)?.isPresent ?? false {
                self.checks?.add(.lateDetection, at: time, "node \(node.index) of node \(index)")
            } else {
                self.checks?.crashesNoticed += 1
            }
        }
    }

    // MARK: Each node, each step

    /// So many wake-ups at one moment are no progress.
    private static let maximumWakes = 20

    mutating func checkNode(_ index: Int) {
        guard let bounds = checks?.bounds else { return }
        let incarnation = nodes[index].machine.ownIncarnation
        if let before = checks?.raised(index, to: incarnation) {
            checks?.add(.incarnation, at: time, "node \(index) itself was in \(before), and is in \(incarnation)")
        }
        let state = nodes[index].machine.ownState
        if state != (nodes[index].hasLeft ? .left : .alive) {
            checks?.add(.ownState, at: time, "node \(index) is \(state) in its own eyes")
        }
        let queued = nodes[index].machine.queuedBytes
        if queued > bounds.configuration.queueBytes {
            checks?.add(.queueSize, at: time, "node \(index) has \(queued) bytes of news")
        }
    }

    /// - Returns: false if the node is to be woken no more, as the run would never end.
    mutating func checkWake(_ index: Int) -> Bool {
        guard checks != nil, checks?.woke(index, at: time) == Self.maximumWakes else { return true }
        checks?.add(.wakefulness, at: time, "node \(index)")
        return false
    }

    mutating func checkDatagram(_ from: Int, _ bytes: Int) {
        guard let limit = checks?.bounds.configuration.datagramBytes, bytes > limit else { return }
        checks?.add(.datagramSize, at: time, "node \(from) sent \(bytes) bytes, \(limit) are allowed")
    }

    // MARK: What nodes know of each other

    mutating func checkViews(of node: Int, after messages: [GossipMessage]) {
        guard checks != nil else { return }
        for message in messages {
            switch message {
            case .alive(let claim): checkView(of: node, claim.node)
            case .suspect(let claim): checkView(of: node, claim.node)
            case .dead(let claim): checkView(of: node, claim.node)
            default: continue
            }
        }
    }

    mutating func checkViews(of node: Int, after state: PushPull) {
        guard checks != nil else { return }
        for claim in state.nodes { checkView(of: node, claim.name) }
    }

    private mutating func checkView(of node: Int, _ name: String) {
        guard let subject = index(named: name), subject != node,
            let incarnation = nodes[node].machine.incarnation(of: name)
        else { return }
        checks?.saw(node, subject, incarnation, at: time)
    }

    /// Whether the views of all that run are equal.
    ///
    /// - Returns: false if they are not within ``SimulationBounds/settled``, which is a violation.
    @discardableResult
    public mutating func settles() -> Bool {
        guard let bounds = checks?.bounds else { return false }
        let group = up.filter { !nodes[$0].hasLeft }
        let limit = bounds.settled
        let isSettled = run(within: limit, every: .milliseconds(250)) { $0.agree(group) }
        if !isSettled {
            let detail = disagreement(group)
            checks?.add(.disagreement, at: time, "after \(limit); \(detail)")
        }
        return isSettled
    }

    private func disagreement(_ group: [Int]) -> String {
        let wrong = group.filter { nodes[$0].machine.presentCount != group.count }
        let counts = wrong.prefix(5).map { "\($0) sees \(nodes[$0].machine.presentCount)" }
        return "\(group.count) are up; " + counts.joined(separator: ", ")
    }
}
