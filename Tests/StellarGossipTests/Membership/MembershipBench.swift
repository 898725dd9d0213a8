import StellarTestKit

@testable import StellarGossip

/// One machine, "me" at 10.0.0.1, that the test drives; the other nodes are at 10.0.0.2 and so on.
struct MembershipBench {
    var machine: MembershipMachine
    var random = SplitMix64(seed: 1)
    var now = GossipTime(nanoseconds: 0)

    init(_ configuration: GossipConfiguration = .lan) {
        machine = MembershipMachine(
            name: "me",
            endpoint: Self.endpoint(1),
            configuration: configuration,
            now: now,
            using: &random
        )
    }

    static func endpoint(_ number: UInt8) -> GossipEndpoint {
        GossipEndpoint(address: WireAddress([10, 0, 0, number]) ?? .none, port: 7946)
    }

    static func alive(
        _ node: String,
        _ incarnation: UInt32,
        at number: UInt8 = 2,
        metadata: [UInt8] = []
    ) -> GossipMessage {
        let endpoint = Self.endpoint(number)
        return .alive(
            Alive(
                node: node,
                incarnation: incarnation,
                address: endpoint.address,
                port: endpoint.port,
                metadata: metadata
            )
        )
    }

    static func suspect(_ node: String, _ incarnation: UInt32, from: String = "c") -> GossipMessage {
        .suspect(Suspect(node: node, incarnation: incarnation, from: from))
    }

    static func dead(_ node: String, _ incarnation: UInt32, from: String = "c") -> GossipMessage {
        .dead(Dead(node: node, incarnation: incarnation, from: from))
    }

    /// Gives the machine a message, and returns its events.
    @discardableResult
    mutating func receive(_ message: GossipMessage) -> [GossipEvent] {
        machine.receive(message, from: Self.endpoint(9), now: now, using: &random)
        return events()
    }

    mutating func events() -> [GossipEvent] {
        machine.takeEffects().compactMap { if case .event(let event) = $0 { event } else { nil } }
    }

    /// The pings that the machine sends: their targets and numbers. Other effects are dropped.
    mutating func pings() -> [(to: GossipEndpoint, sequence: UInt32)] {
        machine.takeEffects().compactMap { effect in
            guard case .send(let messages, let endpoint, _) = effect,
                case .ping(let ping)? = PacketCodec().decode(messages[0][...]).messages.first
            else { return nil }
            return (endpoint, ping.sequence)
        }
    }

    /// Another address claims a name; of the addresses that get a ping those in `answering` answer.
    mutating func contest(_ claim: GossipMessage, answering: [UInt8]) -> [GossipEvent] {
        machine.receive(claim, from: Self.endpoint(9), now: now, using: &random)
        var events: [GossipEvent] = []
        for (endpoint, sequence) in pings() where answering.contains(where: { Self.endpoint($0) == endpoint }) {
            events += receive(.acknowledgement(Acknowledgement(sequence: sequence)))
        }
        return events
    }

    /// Moves the time ahead in one step, like a machine that is not called in between.
    mutating func jump(_ duration: Duration) {
        now = now + duration
        machine.advance(now: now, using: &random)
    }

    /// Lets time pass, running every timer.
    @discardableResult
    mutating func pass(_ duration: Duration) -> [GossipEvent] {
        let end = now + duration
        var all: [GossipEvent] = []
        while machine.deadline <= end {
            now = max(now, machine.deadline)
            machine.advance(now: now, using: &random)
            all += events()
        }
        now = end
        return all
    }

    static func names(_ events: [GossipEvent]) -> [String] {
        events.map { event in
            switch event {
            case .joined(let member): "joined \(member.name)"
            case .left(let member): "left \(member.name)"
            case .failed(let member): "failed \(member.name)"
            case .updated(let member): "updated \(member.name)"
            case .conflict(let member, let other): "conflict \(member.name) \(other)"
            case .leaveSent: "leave sent"
            case .datagramsLost(let member): "datagrams lost \(member.name)"
            case .slept(let duration): "slept \(duration)"
            }
        }
    }
}
