import StellarCore
import StellarStore

@testable import StellarDaemon

/// The commands that clients gave, their outcomes, and the invariants that a run violated.
struct CommandLedger {
    /// A command about one app.
    struct Command {
        enum Kind {
            case create(App)
            case scale(service: String, replicas: Int)
            case delete
            case restart
        }

        enum Outcome {
            case pending
            /// With the version of the record; nil for a command that writes none.
            case acknowledged(AppVersion?)
            case failed(Cause)
            /// The daemon that took it crashed.
            case unknown
        }

        var app: String
        var kind: Kind
        var node: Int
        var time: Int64
        var outcome = Outcome.pending
        /// The only disk that had its record is gone.
        var isGone = false

        /// Whether its record can be a delete that is newer than any acknowledged one, or the newest of those.
        func mayHaveDeleted(_ newest: AppVersion?) -> Bool {
            guard version == nil || version == newest else { return false }
            switch kind {
            case .delete: return true
            case .create: return version == nil
            case .scale, .restart: return false
            }
        }

        /// The version of its record, if it was acknowledged and must be kept.
        var version: AppVersion? {
            if case .acknowledged(let version) = outcome { version } else { nil }
        }

        /// In words, for failures.
        var description: String {
            let what =
                switch kind {
                case .create(let app): "create \(app.services.map { "\($0.name) x \($0.replicas) of \($0.image)" })"
                case .scale(let service, let replicas): "scale \(service) to \(replicas)"
                case .delete: "delete"
                case .restart: "restart"
                }
            let end =
                switch outcome {
                case .pending: "is under way"
                case .acknowledged(let version): "was acknowledged\(version.map { " as \($0.short)" } ?? "")"
                case .failed(let error): "failed: \(error.message)"
                case .unknown: "has no outcome"
                }
            return
                "\(Double(time / 1_000_000) / 1000) s, node \(node): \(what) \(end)\(isGone ? ", and its disk is gone" : "")"
        }

        /// Whether a record can be its result.
        func explains(_ desired: DesiredApp?, _ version: AppVersion) -> Bool {
            if case .acknowledged(let own) = outcome, own != version { return false }
            switch (kind, desired) {
            case (.create(let app), let desired?):
                return desired.app.services.map(Shape.init) == app.services.map(Shape.init)
            // An app of which nothing ran is withdrawn, and the create fails.
            case (.create, nil): return self.version == nil
            case (.scale(let service, let replicas), let desired?):
                return desired.app.service(named: service)?.replicas == replicas
            case (.delete, nil): return true
            default: return false
            }
        }
    }

    /// What a create says of a service.
    private struct Shape: Equatable {
        var name: String
        var image: String
        var replicas: Int

        init(_ service: Service) { (name, image, replicas) = (service.name, service.image, service.replicas) }
    }

    /// A violated invariant.
    struct Violation: Hashable, CustomStringConvertible {
        enum Rule: String, CaseIterable {
            case start = "a daemon does not start"
            case different = "the stores of connected nodes differ"
            case book = "an app book differs from its store"
            case lost = "an acknowledged command is lost"
            case foreign = "a record is the result of no command"
            case missing = "a replica that should run does not"
            case surplus = "a container is there that should not be"
            case leak = "something is left on a host"
            case address = "two containers have one address"
            case why = "why contradicts the state"
            case stuck = "a command does not end"
        }

        var rule: Rule
        var time: Int64
        var detail: String

        var description: String { "\(rule.rawValue): at \(Double(time / 1_000_000) / 1000) s, \(detail)" }
    }

    private(set) var commands: [Command] = []
    private(set) var violations: [Violation] = []

    private static let maximumViolations = 20

    mutating func add(_ rule: Violation.Rule, at time: Int64, _ detail: String) {
        guard violations.count < Self.maximumViolations else { return }
        violations.append(Violation(rule: rule, time: time, detail: detail))
    }

    mutating func add(_ found: [Violation]) {
        for violation in found { add(violation.rule, at: violation.time, violation.detail) }
    }

    /// - Returns: its number.
    mutating func begin(_ command: Command) -> Int {
        commands.append(command)
        return commands.count - 1
    }

    mutating func end(_ number: Int, _ outcome: Command.Outcome) {
        if case .pending = commands[number].outcome { commands[number].outcome = outcome }
    }

    mutating func crashed(_ node: Int) {
        for number in commands.indices where commands[number].node == node { end(number, .unknown) }
    }

    /// A disk is gone.
    ///
    /// - Parameter isHeld: whether another disk has this version of an app's record, or a newer one.
    mutating func lostDisk(isHeld: (_ app: String, _ version: AppVersion) -> Bool) {
        for number in commands.indices {
            guard let version = commands[number].version, !isHeld(commands[number].app, version) else { continue }
            commands[number].isGone = true
        }
    }

    var acknowledged: Int { commands.count { $0.version != nil } }
    var interrupted: Int { commands.count { if case .unknown = $0.outcome { true } else { false } } }
    var gone: Int { commands.count(where: \.isGone) }
    var pending: [Command] { commands.filter { if case .pending = $0.outcome { true } else { false } } }
    /// What happened to an app, a line for each command.
    func history(of app: String) -> String {
        commands.filter { $0.app == app }.map { "\n      " + $0.description }.joined()
    }

    var apps: [String] { Set(commands.map(\.app)).sorted() }
}

extension AppVersion {
    /// `1770000012345.0 of n1`
    var short: String { "\(stamp.milliseconds).\(stamp.counter) of \(origin)" }
}
