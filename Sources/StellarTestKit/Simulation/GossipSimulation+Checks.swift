import StellarGossip

/// Checks the guarantees. Nothing here changes the run.
///
/// A live node may be declared dead only while the cluster is disturbed, that is outside of the design: while links are
/// cut or clogged, more datagrams are lost than ``SimulationBounds/loss``, or datagrams are too big for the path; and
/// as long afterwards as a suspicion of that time can last. A single node is disturbed if it stood still for too long.
extension GossipSimulation {
    /// How long after a disturbance it may still cause a false death.
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

    /// Whether no disturbance of the node, or of the cluster, excuses a wrong view of the node.
    private func isUndisturbed(_ index: Int) -> Bool {
        guard let checks, checks.disturbed != .max else { return false }
        let last = max(checks.disturbed, checks.nodeDisturbed[index])
        return last == .min || time - last > aftermath
    }

    // MARK: Events about other nodes

    mutating func check(_ observation: Observation) {
        guard checks != nil else { return }
        let (node, subject) = (observation.node, observation.subject)
        switch observation.kind {
        case .failed:
            checks?.deathsSeen += 1
            guard mustBeCalledAlive(subject) else { return }
            checks?.add(.falseDeath, at: time, "node \(node) of node \(subject)")
        case .left:
            if !nodes[subject].everLeft { checks?.add(.falseLeave, at: time, "node \(node) of node \(subject)") }
        case .joined:
            // A forgotten node, or one that came back under a new address, may have any earlier incarnation.
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
        // A node that restarted recently may still be judged by its earlier life.
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

    /// This many wake-ups at one moment mean that a node makes no progress.
    private static let maximumWakes = 20

    mutating func checkNode(_ index: Int) {
        guard let bounds = checks?.bounds else { return }
        let incarnation = nodes[index].machine.ownIncarnation
        if let before = checks?.raised(index, to: incarnation) {
            checks?.add(.incarnation, at: time, "node \(index) lowered its own from \(before) to \(incarnation)")
        }
        let state = nodes[index].machine.ownState
        if state != (nodes[index].hasLeft ? .left : .alive) {
            checks?.add(.ownState, at: time, "node \(index) is \(state) in its own view")
        }
        let queued = nodes[index].machine.queuedBytes
        if queued > bounds.configuration.queueBytes {
            checks?.add(.queueSize, at: time, "node \(index) has \(queued) bytes of news")
        }
    }

    /// - Returns: false if the node must not be woken again, because the run would never end.
    mutating func checkWake(_ index: Int) -> Bool {
        guard checks != nil, checks?.woke(index, at: time) == Self.maximumWakes else { return true }
        checks?.add(.wakefulness, at: time, "node \(index)")
        return false
    }

    mutating func checkDatagram(_ from: Int, _ bytes: Int) {
        guard let limit = checks?.bounds.configuration.datagramBytes, bytes > limit else { return }
        checks?.add(.datagramSize, at: time, "node \(from) sent \(bytes) bytes, \(limit) are allowed")
    }

    // MARK: Views of other nodes

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

    /// Runs until the views of all running nodes are equal.
    ///
    /// - Returns: false if they are not within ``SimulationBounds/convergence``, which is a violation.
    @discardableResult
    public mutating func converges() -> Bool {
        guard let bounds = checks?.bounds else { return false }
        let group = up.filter { !nodes[$0].hasLeft }
        let limit = bounds.convergence
        let isConverged = run(within: limit, every: .milliseconds(250)) { $0.agree(group) }
        if !isConverged {
            let detail = disagreement(group)
            checks?.add(.disagreement, at: time, "after \(limit); \(detail)")
        }
        return isConverged
    }

    private func disagreement(_ group: [Int]) -> String {
        let wrong = group.filter { nodes[$0].machine.presentCount != group.count }
        let counts = wrong.prefix(5).map { "\($0) sees \(nodes[$0].machine.presentCount)" }
        return "\(group.count) are up; " + counts.joined(separator: ", ")
    }
}
