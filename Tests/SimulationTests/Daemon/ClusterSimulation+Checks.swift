import StellarAPI
import StellarCore
import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// Checks the invariants of a cluster whose faults are over.
extension ClusterSimulation {
    typealias Violation = CommandLedger.Violation

    /// From the end of all faults until everything is as it should be: nodes find each other, stores converge, and a
    /// process that crashed often starts again after ``RestartPolicy/defaultMaxDelay``.
    static let convergenceLimit = Duration.seconds(300)
    /// Longer than a pass of the reconciler: what is as it should be stays so.
    static let restTime = Duration.seconds(20)
    /// A daemon whose disk is idle responds within this.
    private static let responseLimit = Duration.seconds(10)

    /// Waits until the cluster is as it should be, and checks that it stays so.
    func converge() {
        _ = run(within: Self.convergenceLimit) { self.differences().isEmpty }
        run(for: Self.restTime)
        let differences = differences()
        guard differences.isEmpty else { return ledger.add(differences) }
        for index in up { ledger.add(inspect(index)) }
    }

    /// All that is not as it should be, as far as hosts and stores show it.
    func differences() -> [Violation] {
        var found: [Violation] = []
        func add(_ rule: Violation.Rule, _ detail: String) {
            found.append(Violation(rule: rule, time: time, detail: detail))
        }
        let daemons = lives.map { $0?.daemon }
        for (index, daemon) in daemons.enumerated() where daemon == nil { add(.start, "node \(index)") }
        guard let first = daemons.first ?? nil, found.isEmpty else { return found }
        for command in ledger.pending { add(.stuck, "\(command.kind) of \(command.app) at node \(command.node)") }
        for (index, daemon) in daemons.enumerated() {
            guard let daemon else { continue }
            if entries(daemon) != entries(first) { add(.different, "nodes 0 and \(index)") }
            found += bookDifferences(index, daemon)
        }
        guard found.isEmpty else { return found }
        let records = ledger.apps.map { ($0, first.store.entry(StoreBucket.apps, $0)) }
        for (app, entry) in records { found += recordDifferences(app, entry) }
        let apps = records.compactMap { $0.1?.value.flatMap { try? DesiredApp(encoded: $0) } }
        for index in hosts.indices { found += hostDifferences(index, apps) }
        return found
    }

    /// What all stores must have alike. Nodes forget old deletes at different times.
    private func entries(_ daemon: SimulatedDaemon) -> [StoreEntry] {
        passed == 0 ? daemon.store.everything : daemon.store.everything.filter { $0.value != nil }
    }

    /// The app book has what the store has.
    func bookDifferences(_ index: Int, _ daemon: SimulatedDaemon) -> [Violation] {
        let book = daemon.reconciler.book.current
        let stored = daemon.store.entries(StoreBucket.apps)
        let names = Set(stored.map(\.key.key)).union(book.apps.keys)
        return names.sorted().compactMap { name in
            let entry = daemon.store.entry(StoreBucket.apps, name)
            guard book.versions[name] != entry.map(AppVersion.init) || (book.apps[name] == nil) != (entry?.value == nil)
            else { return nil }
            return Violation(rule: .book, time: time, detail: "\(name) on node \(index)")
        }
    }

    private func recordDifferences(_ app: String, _ entry: StoreEntry?) -> [Violation] {
        let commands = ledger.commands.filter { $0.app == app }
        let kept = commands.filter { !$0.isGone }.compactMap(\.version).max()
        guard let entry else {
            // A delete that is long known everywhere may be forgotten.
            if passed > 0, commands.contains(where: { $0.mayHaveDeleted(kept) }) { return [] }
            return kept.map { _ in
                [Violation(rule: .lost, time: time, detail: "\(app): there is no record\(ledger.history(of: app))")]
            } ?? []
        }
        let version = AppVersion(entry)
        if let kept, version < kept {
            return [
                Violation(
                    rule: .lost,
                    time: time,
                    detail: "\(app): \(version.short) is older than \(kept.short)\(ledger.history(of: app))"
                )
            ]
        }
        let desired = entry.value.flatMap { try? DesiredApp(encoded: $0) }
        guard commands.contains(where: { $0.explains(desired, version) }) else {
            let content = desired?.app.services.map { "\($0.name) x \($0.replicas) of \($0.image)" } ?? ["deleted"]
            let detail = "\(app): \(version.short), \(content)\(ledger.history(of: app))"
            return [Violation(rule: .foreign, time: time, detail: detail)]
        }
        return []
    }

    private func hostDifferences(_ index: Int, _ apps: [DesiredApp]) -> [Violation] {
        let host = hosts[index]
        let slots = apps.flatMap { $0.slots(on: "n\(index)") }
        var found: [Violation] = []
        func add(_ rule: Violation.Rule, _ detail: String) {
            found.append(Violation(rule: rule, time: time, detail: "node \(index): \(detail)"))
        }
        // Without an image, what is there of an earlier form continues.
        for slot in slots where SimulatedHost.canPull(slot.service.image) {
            let container = host.containers[slot.id.description]
            if container?.isRunning != true {
                add(.missing, "\(slot.id)")
            } else if container.map({ SpecificationHash(of: $0.service) }) != SpecificationHash(of: slot.service) {
                add(.missing, "\(slot.id) is not made from its newest form")
            } else if slot.service.network, (host.attached[slot.id.description] ?? nil) == nil {
                add(.missing, "\(slot.id) has no address")
            }
        }
        let ids = Set(slots.map(\.id.description))
        for id in Set(host.containers.keys).subtracting(ids).sorted() { add(.surplus, id) }
        for id in host.namespaces.union(host.attached.keys).subtracting(ids).sorted() { add(.leak, "namespace \(id)") }
        for id in host.directories.subtracting(ids).sorted() { add(.leak, "directory \(id)") }
        if let double = host.doubleAddress { add(.address, double) }
        for (id, address) in host.attached.sorted(by: { $0.key < $1.key }) {
            guard let address else { continue }
            if !subnet(index).contains(address) { add(.address, "\(id) has \(address), of another node") }
            if host.attached.contains(where: { $0.key > id && $0.value == address }) { add(.address, "\(address)") }
        }
        return found
    }

    // MARK: What a daemon says

    /// What one daemon has in its tables, and what it shows people.
    private struct Inspection: Sendable {
        var journal: [ContainerID: SlotOperation] = [:]
        /// What the machine of each journaled slot is doing.
        var machines: [ContainerID: String] = [:]
        var addresses: [String] = []
        /// The slots of the node that have the network.
        var networked: [String] = []
        /// The slots of the node that wait for an image that no registry has.
        var imageless: Set<ContainerID> = []
        var states: [String: String] = [:]
        /// By app.
        var why: [String: [String]] = [:]
    }

    private final class Box<Value>: @unchecked Sendable {
        // why: one thread runs everything of a simulation.
        var value: Value?
    }

    /// Checks the tables of a daemon, and its answers to people.
    func inspect(_ index: Int) -> [Violation] {
        guard let life = lives[index], let daemon = life.daemon else { return [] }
        let box = Box<Inspection>()
        let apps = ledger.apps
        task(life) {
            var result = Inspection()
            result.journal = (try? await JournalBook(database: daemon.database).load()) ?? [:]
            for id in result.journal.keys {
                result.machines[id] = await daemon.reconciler.machines[id].map { "\($0)" }
            }
            result.addresses = await daemon.addresses.ids(node: "n\(index)")
            for app in await daemon.view.applications() {
                for service in app.services where SimulatedHost.canPull(service.image) {
                    result.states[service.name] = service.status.state
                }
            }
            let slots = await daemon.reconciler.slots
            result.networked = slots.filter(\.service.network).map(\.id.description)
            result.imageless = Set(slots.filter { !SimulatedHost.canPull($0.service.image) }.map(\.id))
            for app in apps { result.why[app] = try? await daemon.view.why(app) }
            box.value = result
        }
        guard run(within: Self.responseLimit, every: .milliseconds(50), until: { box.value != nil }),
            let inspection = box.value
        else {
            return [Violation(rule: .stuck, time: time, detail: "node \(index) does not answer")]
        }
        return tableDifferences(index, daemon, inspection) + answerDifferences(index, daemon, inspection)
    }

    private func tableDifferences(_ index: Int, _ daemon: SimulatedDaemon, _ inspection: Inspection) -> [Violation] {
        var found = inspection.journal.keys.filter { !inspection.imageless.contains($0) }.sorted().map { id in
            Violation(
                rule: .leak,
                time: time,
                detail: "node \(index): journal of \(id), \(inspection.machines[id] ?? "no machine")"
            )
        }
        // Without an image, what is there of an earlier form continues, with its address.
        let kept = inspection.imageless.map(\.description).filter { (hosts[index].attached[$0] ?? nil) != nil }
        for id in Set(inspection.addresses).subtracting(inspection.networked + kept).sorted() {
            found.append(Violation(rule: .leak, time: time, detail: "node \(index): address of \(id)"))
        }
        return found
    }

    private func answerDifferences(_ index: Int, _ daemon: SimulatedDaemon, _ inspection: Inspection) -> [Violation] {
        var found: [Violation] = []
        func add(_ detail: String) {
            found.append(Violation(rule: .why, time: time, detail: "node \(index): \(detail)"))
        }
        for (id, state) in inspection.states.sorted(by: { $0.key < $1.key }) where state != "running" {
            add("\(id) is shown as \(state)")
        }
        for app in ledger.apps {
            let lines = inspection.why[app] ?? []
            guard let entry = daemon.store.entry(StoreBucket.apps, app) else { continue }
            guard let desired = entry.value.flatMap({ try? DesiredApp(encoded: $0) }) else {
                if !lines.isEmpty, lines.first?.contains("deleted") != true { add("\(lines)") }
                continue
            }
            for slot in desired.assignment.entries.map(\.slot)
            where inspection.states["\(slot)"] != nil
                && !lines.contains(where: { line in
                    line.hasPrefix("\(slot) ") && line.contains("runs since")
                })
            {
                add("\(slot): \(lines)")
            }
        }
        return found
    }
}
