import StellarGossip

/// What must hold in every run, looked at with every event; see `GossipSimulation+Checks`.
public struct SimulationChecks: Sendable {
    /// A promise, broken.
    public struct Violation: Sendable, Hashable, CustomStringConvertible {
        public enum Rule: String, Sendable, CaseIterable {
            case falseDeath = "somebody alive and reachable is called dead"
            case falseFarewell = "somebody is said to have left who did not"
            case lateDetection = "a crash is not noticed in time"
            case resurrection = "somebody dead is called alive again"
            case datagramSize = "a datagram is over its limit"
            case queueSize = "a queue is over its limit"
            case incarnation = "an incarnation went backwards, or was raised by somebody else"
            case ownState = "a node thinks that it is not alive itself"
            case wakefulness = "a node wants to be woken again and again at one moment"
            case disagreement = "views are not equal in time"
        }

        public var rule: Rule
        public var time: Int64
        public var detail: String

        public var description: String {
            "\(rule.rawValue): at \(Double(time / 1_000_000) / 1000) s, \(detail)"
        }
    }

    /// What is promised. Of the settings that the nodes should have; a test that gives them others must see it fail.
    public let bounds: SimulationBounds
    public private(set) var violations: [Violation] = []
    /// How much was looked at: a check that never looked proves nothing.
    public internal(set) var deathsSeen = 0
    public internal(set) var crashesNoticed = 0

    /// By node: the incarnation in which it saw each other last. 0 is never.
    var seen: [[UInt32]] = []
    /// The highest incarnation that each node ever gave itself, and the one of its life.
    var highest: [UInt32] = []
    var own: [UInt32] = []
    /// When the world was outside of the design last; `max` while it is.
    var disturbed: Int64 = .min
    /// When each node was up, but outside of the design, last.
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

    /// What a node knew of another is no longer comparable with what it will know.
    mutating func forget(_ node: Int, _ subject: Int) {
        if seen[node].count > subject { seen[node][subject] = 0 }
    }

    /// A node is in this incarnation of its own.
    ///
    /// - Returns: the one before, if that was higher.
    mutating func raised(_ index: Int, to incarnation: UInt32) -> UInt32? {
        let before = own[index]
        own[index] = incarnation
        highest[index] = max(highest[index], incarnation)
        return incarnation < before ? before : nil
    }

    /// - Returns: how often it did at this moment.
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
            add(.incarnation, at: time, "node \(node) knew node \(subject) in \(before), now in \(incarnation)")
        }
        if incarnation > highest[subject] {
            add(.incarnation, at: time, "node \(node) knows \(subject) in \(incarnation), it is in \(highest[subject])")
        }
    }
}
