import StellarGossip

/// The guarantees that must hold in every run, checked with every event; see `GossipSimulation+Checks`.
public struct SimulationChecks: Sendable {
    /// A violated guarantee.
    public struct Violation: Sendable, Hashable, CustomStringConvertible {
        public enum Rule: String, Sendable, CaseIterable {
            case falseDeath = "a live and reachable node was declared dead"
            case falseLeave = "a node was reported as left that did not leave"
            case lateDetection = "a crash was not noticed in time"
            case resurrection = "a dead node was reported as alive again"
            case datagramSize = "a datagram exceeds its limit"
            case queueSize = "a queue exceeds its limit"
            case incarnation = "an incarnation decreased, or another node raised it"
            case ownState = "a node is not alive in its own view"
            case wakefulness = "a node wakes again and again at one moment"
            case disagreement = "the views did not become equal in time"
        }

        public var rule: Rule
        public var time: Int64
        public var detail: String

        public var description: String {
            "\(rule.rawValue): at \(Double(time / 1_000_000) / 1000) s, \(detail)"
        }
    }

    /// The bounds of the settings that the nodes should have. A test that gives the nodes others must see violations.
    public let bounds: SimulationBounds
    public private(set) var violations: [Violation] = []
    /// How much was checked: a check that never ran proves nothing.
    public internal(set) var deathsSeen = 0
    public internal(set) var crashesNoticed = 0

    /// For each node, the incarnation of each other node that it last knew; 0 if none.
    var seen: [[UInt32]] = []
    /// The highest incarnation that each node ever had, and the one of its present life.
    var highest: [UInt32] = []
    var own: [UInt32] = []
    /// When the cluster was last disturbed; `max` while it is.
    var disturbed: Int64 = .min
    /// When each node was last disturbed.
    var nodeDisturbed: [Int64] = []
    /// The moment of each node's last wake-up, and how many there were at it.
    var wakes: [(time: Int64, count: Int)] = []

    private static let maximumViolations = 20

    public init(_ bounds: SimulationBounds) {
        self.bounds = bounds
    }

    mutating func started(_ index: Int) {
        if index < own.count {
            own[index] = 0
            seen[index] = []
            nodeDisturbed[index] = .min
        } else {
            own.append(0)
            highest.append(0)
            seen.append([])
            nodeDisturbed.append(.min)
            wakes.append((.min, 0))
        }
    }

    mutating func add(_ rule: Violation.Rule, at time: Int64, _ detail: String) {
        guard violations.count < Self.maximumViolations else { return }
        violations.append(Violation(rule: rule, time: time, detail: detail))
    }

    /// Stops comparing what a node knew of another with what it will know.
    mutating func forget(_ node: Int, _ subject: Int) {
        if seen[node].count > subject { seen[node][subject] = 0 }
    }

    /// Notes a node's own incarnation.
    ///
    /// - Returns: the one before, if it was higher.
    mutating func raised(_ index: Int, to incarnation: UInt32) -> UInt32? {
        let before = own[index]
        own[index] = incarnation
        highest[index] = max(highest[index], incarnation)
        return incarnation < before ? before : nil
    }

    /// - Returns: how often the node woke at this moment.
    mutating func woke(_ index: Int, at time: Int64) -> Int {
        wakes[index] = (time, wakes[index].time == time ? wakes[index].count + 1 : 1)
        return wakes[index].count
    }

    mutating func saw(_ node: Int, _ subject: Int, _ incarnation: UInt32, at time: Int64) {
        if seen[node].count <= subject {
            seen[node] += [UInt32](repeating: 0, count: max(own.count, subject + 1) - seen[node].count)
        }
        let before = seen[node][subject]
        seen[node][subject] = incarnation
        if incarnation < before {
            add(.incarnation, at: time, "node \(node) lowered that of node \(subject) from \(before) to \(incarnation)")
        }
        if incarnation > highest[subject] {
            add(
                .incarnation,
                at: time,
                "node \(node) has \(incarnation) for node \(subject), whose highest is \(highest[subject])"
            )
        }
    }
}
