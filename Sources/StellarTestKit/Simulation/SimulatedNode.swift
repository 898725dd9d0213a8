public import StellarGossip

extension GossipSimulation {
    /// One node: its machine, and what the simulation knows of it.
    public struct Node {
        public let index: Int
        /// The number of its address; a node can come back with another one.
        public internal(set) var address: Int
        public internal(set) var machine: MembershipMachine
        /// nil where no node looks for lost ones, as memberlist has it.
        var rejoin: Rejoin?
        /// nil where the nodes have none.
        package internal(set) var store: SimulatedStore?
        public internal(set) var isUp = true
        public internal(set) var isPaused = false
        /// It said farewell in this life.
        public internal(set) var hasLeft = false
        var everLeft = false
        var clock: SimulatedClock
        var random: SplitMix64
        /// The wake-up that counts; earlier ones that are still queued do not.
        var wake: Int64 = .max
        /// What came while it was stopped.
        var waiting: [Event] = []
        /// Counts its lives: what an earlier one waited for is nothing to a later one.
        var life = 0
        /// When it started, crashed, stopped or went on.
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

        mutating func ended(_ attempt: Rejoin.Try, _ outcome: Rejoin.Outcome, now: GossipTime) {
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
