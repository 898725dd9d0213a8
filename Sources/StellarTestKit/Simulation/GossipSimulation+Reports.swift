package import StellarGossip

/// What a larger simulation needs of this one: it runs the events of both in the order of their times, and gets what the
/// machines report to their drivers.
extension GossipSimulation {
    /// What a node's machine reports.
    package enum Report: Sendable {
        case event(GossipEvent)
        /// A user message of another node.
        case message([UInt8])
    }

    /// The time of the next event; nil without one.
    package var nextEventTime: Int64? { events.nextTime }

    /// Runs the next event.
    package mutating func runNextEvent() {
        guard let (time, event) = events.popFirst() else { return }
        self.time = max(self.time, time)
        handle(event)
    }

    /// Moves the time forward, to a moment before the next event.
    package mutating func advance(to moment: Int64) {
        assert(nextEventTime.map { moment <= $0 } ?? true, "an event would be skipped")
        time = max(time, moment)
    }

    /// Returns the reports of all nodes since the last call, in their order.
    package mutating func takeReports() -> [(node: Int, report: Report)] {
        defer { reports = [] }
        return reports
    }

    package mutating func broadcast(_ message: [UInt8], about subject: String, at index: Int) {
        nodes[index].machine.broadcast(message, about: subject)
        drain(index)
    }

    /// Sends a user message to one node.
    package mutating func send(_ message: [UInt8], to name: String, from index: Int) {
        guard let member = nodes[index].machine.member(named: name), member.isPresent else { return }
        let bytes = GossipMessage.user(message).encoded()
        send([bytes], from: index, to: member.endpoint, member.versions.maximum >= ProtocolVersions.checksum)
        drain(index)
    }

    /// Whether a stream between two nodes makes progress: both run, and nothing between them is cut.
    package func isStreamOpen(_ from: Int, _ to: Int) -> Bool {
        streamState(from, nodes[from].life, nodes[to].address) == .open
    }

    /// Half of a round trip on a stream, in nanoseconds.
    package mutating func streamDelay() -> Int64 { network.delay(&random) }

    /// Draws a number that depends on the seed.
    package mutating func draw() -> UInt64 { random.next() }

    /// The time of a node's monotonic clock, in nanoseconds.
    package func localTime(_ index: Int) -> Int64 { nodes[index].clock.local(time) }

    /// The first moment at which a node's monotonic clock shows `local` or more.
    package func realTime(_ index: Int, local: Int64) -> Int64 { nodes[index].clock.real(local) }
}
