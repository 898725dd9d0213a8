public import StellarGossip

extension GossipSimulation {
    /// One node: its machines, and the simulation's state of it.
    public struct Node {
        public let index: Int
        /// The number of its address; a node can come back with another one.
        public internal(set) var address: Int
        public internal(set) var machine: MembershipMachine
        /// nil if the nodes do not look for lost peers, as in memberlist.
        var rejoin: Rejoin?
        /// nil if the nodes have no store.
        package internal(set) var store: SimulatedStore?
        public internal(set) var isUp = true
        public internal(set) var isPaused = false
        /// It left the cluster in this life.
        public internal(set) var hasLeft = false
        var everLeft = false
        var clock: SimulatedClock
        var random: SplitMix64
        /// The wake-up that counts; other queued wake-ups are stale.
        var wake: Int64 = .max
        /// Datagrams that came while it was paused.
        var waiting: [Event] = []
        /// Counts its lives: events for an earlier life do not concern a later one.
        var life = 0
        /// When it last started, crashed, paused or resumed.
        var changed: Int64

        init(
            index: Int,
            address: Int,
            machine: MembershipMachine,
            clock: SimulatedClock,
            random: SplitMix64,
            start: Int64
        ) {
            self.index = index
            self.address = address
            self.machine = machine
            self.clock = clock
            self.random = random
            changed = start
        }

        mutating func advance(now: GossipTime) {
            machine.advance(now: now, using: &random)
        }

        mutating func receive(_ messages: [GossipMessage], from source: GossipEndpoint, now: GossipTime) {
            for message in messages { machine.receive(message, from: source, now: now, using: &random) }
        }

        mutating func lost(_ member: Member, now: GossipTime) {
            rejoin?.lost(member, now: now, using: &random)
        }

        mutating func ended(_ attempt: Rejoin.Attempt, _ outcome: Rejoin.Outcome, now: GossipTime) {
            rejoin?.ended(attempt, outcome, now: now, using: &random)
        }

        mutating func merge(_ state: PushPull, now: GossipTime) {
            do {
                try machine.merge(state, now: now, using: &random)
            } catch {
                assertionFailure("all speak one version: \(error)")
            }
        }
    }
}
