package import StellarStore

/// A record of all writes and their state on all disks.
package struct StoreLedger: Sendable {
    /// A violation of a guarantee.
    package struct Violation: Sendable, Hashable, CustomStringConvertible {
        package enum Rule: String, Sendable, CaseIterable {
            case lost = "a surviving write is missing"
            case resurrected = "a deleted key is back"
            case different = "connected nodes do not converge in time"
            case watermark = "a watermark covers a write that the node does not have"
            case vector = "a vector covers a missing write"
            case disk = "the machine differs from its disk"
            case quarantine = "an entry was quarantined without a reason"
            case stamp = "a stamp was used twice"
        }

        package var rule: Rule
        package var time: Int64
        package var detail: String

        package var description: String { "\(rule.rawValue): at \(Double(time / 1_000_000) / 1000) s, \(detail)" }
    }

    package internal(set) var violations: [Violation] = []
    package internal(set) var acknowledged = 0
    package internal(set) var purged = 0
    package internal(set) var quarantined = 0
    package internal(set) var exchanges = 0
    /// When each write was first seen on each node; nil if it is not recorded.
    package var arrivals: [StoreStamp: [Int: Int64]]?
    /// Whether entries may be quarantined: a node was down for too long, or came back with an old disk.
    var expectsQuarantine = false

    /// By node and key, the latest entry that its disk has held since it last lost a part.
    var best: [Int: [StoreKey: StoreEntry]] = [:]
    /// Purged tombstones, which count as surviving writes.
    var forgotten: [StoreKey: StoreEntry] = [:]
    /// By origin, its acknowledged writes that it has not lost since.
    var written: [String: [StoreEntry]] = [:]
    private var stamps: [String: StoreStamp] = [:]

    private static let maximumViolations = 20

    mutating func add(_ rule: Violation.Rule, at time: Int64, _ detail: String) {
        guard violations.count < Self.maximumViolations else { return }
        violations.append(Violation(rule: rule, time: time, detail: detail))
    }

    // MARK: Records

    mutating func stored(_ transaction: StoreTransaction, over disk: SimulatedDisk, on node: Int) {
        for entry in transaction.upserts { keep(entry, on: node) }
        for key in transaction.removals {
            guard let old = disk[key], old.isTombstone else { continue }
            purged += 1
            if forgotten[key].map({ old.supersedes($0) }) ?? true { forgotten[key] = old }
        }
        quarantined += transaction.quarantined.count
    }

    private mutating func keep(_ entry: StoreEntry, on node: Int) {
        if let before = best[node]?[entry.key], !entry.supersedes(before) { return }
        best[node, default: [:]][entry.key] = entry
    }

    mutating func acknowledge(_ entries: [StoreEntry], at time: Int64) {
        for entry in entries {
            acknowledged += 1
            if let last = stamps[entry.origin], entry.stamp <= last {
                add(.stamp, at: time, "\(entry.origin) used \(entry.stamp.rawValue) after \(last.rawValue)")
            }
            stamps[entry.origin] = entry.stamp
            written[entry.origin, default: []].append(entry)
        }
    }

    /// Records that a node has another disk: writes that only it had are lost, and its clock starts from the new disk.
    mutating func replaced(_ disk: SimulatedDisk, on node: Int, named name: String) {
        best[node] = Dictionary(disk.image.entries.map { ($0.key, $0) }) { first, _ in first }
        stamps[name] = nil
        written[name] = written[name]?.filter { disk.vector.covers($0) }
    }

    // MARK: Checks

    /// By key, the entry that nodes must hold in the end: the latest surviving one.
    var expected: [StoreKey: StoreEntry] {
        var latest = forgotten
        for held in best.values {
            for (key, entry) in held where latest[key].map({ entry.supersedes($0) }) ?? true { latest[key] = entry }
        }
        return latest
    }

    mutating func check(_ disk: SimulatedDisk, of node: Int, quarantined: Set<StoreEntry>, at time: Int64) {
        for (key, entry) in expected.sorted(by: { $0.key < $1.key }) {
            let held = disk[key]
            if entry.isTombstone {
                guard let held, !held.isTombstone else { continue }
                add(.resurrected, at: time, "node \(node), \(Self.text(held)); it was deleted by \(Self.text(entry))")
            } else if held != entry, !quarantined.contains(entry) {
                add(.lost, at: time, "node \(node) has \(held.map(Self.text) ?? "nothing") and not \(Self.text(entry))")
            }
        }
        for (origin, entries) in written.sorted(by: { $0.key < $1.key }) {
            for entry in entries where disk.vector[origin] >= entry.stamp {
                let held = [disk[entry.key], forgotten[entry.key]].compactMap { $0 }
                let latest = held + quarantined.filter { $0.key == entry.key }
                guard !latest.contains(where: { $0 == entry || $0.supersedes(entry) }) else { continue }
                add(.vector, at: time, "node \(node) does not have \(Self.text(entry)), but \(held.map(Self.text))")
            }
        }
    }

    static func text(_ entry: StoreEntry) -> String {
        let what = entry.isTombstone ? "the delete of \(entry.key.key)" : "\(entry.key.key)"
        return "\(what) by \(entry.origin) at \(entry.stamp.milliseconds).\(entry.stamp.counter)"
    }
}
