import StellarCore
import StellarStore

/// Explains the state of an app from what one node knows: which node took the newest command and when its record arrived
/// here, what each slot does, and what it waits for.
struct AppWords {
    private let selection: Selection
    private let picture: AppsPicture

    init(_ selection: Selection, _ picture: AppsPicture) {
        self.selection = selection
        self.picture = picture
    }

    /// - Parameter now: Seconds since 1970.
    /// - Returns: nil where this node knows nothing of that name.
    func lines(now: Int64) -> [String]? {
        let desired = picture.book.apps[selection.app]
        let slots = (desired?.assignment.entries ?? []).filter { selection.contains($0.slot) }
        let going = picture.leaving.filter(selection.contains).sorted()
        if let desired {
            guard !slots.isEmpty || !going.isEmpty else { return nil }
            return [summary(slots)] + record(desired, now) + slots.flatMap { slot($0.slot, $0.node, desired, now) }
                + going.map(removal)
        }
        guard let version = picture.book.versions[selection.app] else { return nil }
        var lines = ["\(by(version)) deleted \(selection.app) at \(time(version.time, now))."]
        lines += arrival(version, now)
        return lines + going.map(removal)
    }

    private func summary(_ slots: [(slot: ContainerID, node: String)]) -> String {
        let running = slots.count { isRunning($0.slot, $0.node) }
        let name = selection.description
        if running == slots.count { return "\(name): all of \(count(running)) \(running == 1 ? "runs" : "run")." }
        return "\(name): \(running) of \(count(slots.count)) \(running == 1 ? "runs" : "run")."
    }

    private func count(_ number: Int) -> String { number == 1 ? "1 container" : "\(number) containers" }

    private func isRunning(_ id: ContainerID, _ node: String) -> Bool {
        picture.node(node).isAvailable && picture.fact(id, on: node)?.state == .known(.running)
    }

    // MARK: The record

    private func record(_ desired: DesiredApp, _ now: Int64) -> [String] {
        guard let version = picture.book.versions[selection.app] else { return [] }
        let command = desired.command.isEmpty ? "" : " (\(desired.command))"
        var lines = ["\(by(version)) took the newest command\(command) at \(time(version.time, now))."]
        lines += arrival(version, now)
        if let reason = picture.book.undecodable[selection.app] {
            lines.append("This node cannot decode its newest record (\(reason)), so it keeps running the previous one.")
        }
        if version.origin == picture.own {
            let seen = picture.store.seen()
            let behind = picture.nodes.values.filter {
                $0.id != picture.own && $0.isAvailable && (seen[$0.id] ?? .zero) < version.stamp
            }
            if !behind.isEmpty {
                let names = behind.map(\.id).sorted().joined(separator: ", ")
                lines.append("Not acknowledged yet by: \(names).")
            }
        }
        return lines
    }

    private func arrival(_ version: AppVersion, _ now: Int64) -> [String] {
        guard version.origin != picture.own else { return [] }
        guard let arrived = picture.book.arrivals[selection.app] else {
            return ["\(picture.own) (the contacted node) had the record when its daemon started."]
        }
        let delay = arrived - version.time
        let late = delay > 0 ? ", \(RelativeTime.format(.seconds(delay))) later" : ""
        return ["\(picture.own) (the contacted node) received the record at \(time(arrived, now))\(late)."]
    }

    private func by(_ version: AppVersion) -> String {
        version.origin == picture.own ? "\(version.origin) (the contacted node)" : version.origin
    }

    private func time(_ seconds: Int64, _ now: Int64) -> String {
        let ago = RelativeTime.format(.seconds(max(0, now - seconds)))
        return "\(WallClock.rfc3339(seconds)) (\(ago == "now" ? "just now" : "\(ago) ago"))"
    }

    // MARK: Slots

    private func slot(_ id: ContainerID, _ name: String, _ desired: DesiredApp, _ now: Int64) -> [String] {
        let node = picture.node(name)
        let fact = picture.fact(id, on: name)
        guard node.isAvailable else { return [waiting(id, for: node, fact)] }
        guard let fact else {
            return ["\(id) is assigned to \(name), which has not reported its state yet."]
        }
        let start = "\(id) on \(name)"
        guard case .known(let state) = fact.state else { return ["\(start): \(fact.words)."] }
        switch state {
        case .running:
            let address = fact.address.map { ", at \($0)" } ?? ""
            let restarts = fact.restarts > 0 ? "; restarted \(fact.restarts) times" : ""
            return ["\(start) runs since \(time(fact.startedAt, now))\(address)\(restarts)."]
        case .waiting: return ["\(start) has not started yet\(because(fact))."]
        case .pulling: return ["\(start) is pulling its image \(image(id, desired))."]
        case .restarting: return ["\(start) waits for its next restart: \(fact.reason)."]
        case .stopped: return ["\(start) is stopped and is not restarted: \(fact.reason)."]
        case .failed: return ["\(start) does not run: \(fact.reason)."]
        case .creating, .starting, .deleting, .removed: return ["\(start) is \(fact.words)."]
        }
    }

    private func because(_ fact: SlotFact) -> String { fact.reason.isEmpty ? "" : ": \(fact.reason)" }

    private func image(_ id: ContainerID, _ desired: DesiredApp) -> String {
        desired.app.service(named: id.service)?.image ?? ""
    }

    private func waiting(_ id: ContainerID, for node: NodeView, _ fact: SlotFact?) -> String {
        let last = fact.map { " Last reported: \($0.words)." } ?? ""
        let advice =
            node.status == .dead || node.status == .left || node.status == .unknown
            ? " If \(node.id) does not come back: sctl cluster forget \(node.id), then create the app again." : ""
        return "\(id) waits for its node: \(node.standing).\(last)\(advice)"
    }

    private func removal(_ id: ContainerID) -> String { "\(id) is being removed from \(picture.own)." }
}
