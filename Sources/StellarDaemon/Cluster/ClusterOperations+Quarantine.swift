import StellarAPI
import StellarCore
import StellarRPC
import StellarStore
import SwiftProtobuf

/// Quarantined writes: no node can decide whether they count, so people do.
///
/// To accept a write, one of the nodes that hold it writes it again: like any write it reaches all nodes, and supersedes the
/// quarantined one. To drop a write, each node removes it.
extension ClusterOperations {
    func quarantineHere() -> [ClusterQuarantined] { store.snapshot().quarantined.map(\.message) }

    /// Each write once, by bucket, key and age.
    func quarantine() async -> (writes: [ClusterQuarantined], outcomes: [NodeOutcome]) {
        let shares = await everywhere(here: { quarantineHere() }, there: { try await $0.quarantine() })
        var writes: [String: ClusterQuarantined] = [:]
        for share in shares {
            for write in share.value ?? [] { writes[write.id, default: write].nodes.append(share.node.id) }
        }
        return (writes.values.sorted(by: ClusterQuarantined.areInOrder), shares.outcomes())
    }

    /// - Parameter ids: those that this node does not hold are ignored.
    func changeQuarantineHere(_ change: QuarantineChange, _ ids: [String]) async throws {
        let entries = store.snapshot().quarantined.map(\.entry).filter { ids.contains($0.id) }
        switch change {
        case .accept: _ = try await store.accept(entries)
        case .drop: try await store.drop(entries)
        }
    }

    /// - Parameter names: ids, or keys of which one write alone is quarantined.
    func changeQuarantine(
        _ change: QuarantineChange,
        _ names: [String]
    ) async throws -> (writes: [ClusterQuarantined], outcomes: [NodeOutcome]) {
        let (quarantined, outcomes) = await quarantine()
        let writes = try Self.selected(names, quarantined, outcomes)
        switch change {
        case .accept: return (writes, try await accept(writes))
        case .drop: return (writes, try await drop(writes.map(\.id)))
        }
    }

    private static func selected(
        _ names: [String],
        _ quarantined: [ClusterQuarantined],
        _ outcomes: [NodeOutcome]
    ) throws(ClusterError) -> [ClusterQuarantined] {
        guard !names.isEmpty, !names.contains("") else {
            throw ClusterError(.invalidArgument, "say which writes: their ids, or their keys")
        }
        var selected: [String: ClusterQuarantined] = [:]
        for name in names {
            let found = quarantined.filter { $0.id == name }
            let named = found.isEmpty ? quarantined.filter { $0.key == name } : found
            guard let write = named.first else {
                let silent = outcomes.filter { $0.state != .done }.map(\.node).sorted()
                let others = silent.isEmpty ? "" : " by a node that answers (not: \(silent.joined(separator: ", ")))"
                throw ClusterError(.notFound, "no write \(name) is kept aside\(others)")
            }
            guard named.count == 1 else {
                let ids = named.map(\.id).joined(separator: ", ")
                throw ClusterError(
                    .failedPrecondition,
                    "\(named.count) writes of \(name) are kept aside; say which: \(ids)"
                )
            }
            selected[write.id] = write
        }
        return selected.values.sorted(by: ClusterQuarantined.areInOrder)
    }

    /// Has one of the nodes that hold a write make it again; then no node needs to hold it.
    private func accept(_ writes: [ClusterQuarantined]) async throws -> [NodeOutcome] {
        let holders = Dictionary(grouping: writes) { $0.nodes.contains(own.id) ? own.id : $0.nodes.first ?? "" }
            .mapValues { $0.map(\.id) }
        var outcomes: [NodeOutcome] = []
        var accepted: [String] = []
        if let ids = holders[own.id] {
            try await changeQuarantineHere(.accept, ids)
            outcomes.append(NodeOutcome(node: own.id, state: .done))
            accepted += ids
        }
        let all = await nodes()
        for (name, ids) in holders.sorted(by: { $0.key < $1.key }) where name != own.id {
            let request = QuarantineChange.accept.request(ids)
            let holder = all.filter { $0.id == name }
            let shares = await everywhere(holder, here: {}, there: { try await $0.changeQuarantine(request) })
            switch shares.first?.result {
            case .success:
                outcomes.append(NodeOutcome(node: name, state: .done))
                accepted += ids
            case .failure(let error): outcomes.append(NodeOutcome(node: name, state: .failed(error.message)))
            case nil: outcomes.append(NodeOutcome(node: name, state: .lost))
            }
        }
        // A node that is not reached now does the same when the new write arrives.
        if !accepted.isEmpty { _ = try? await drop(accepted) }
        return outcomes
    }

    private func drop(_ ids: [String]) async throws -> [NodeOutcome] {
        try await changeQuarantineHere(.drop, ids)
        let request = QuarantineChange.drop.request(ids)
        return await everywhere(here: {}, there: { try await $0.changeQuarantine(request) }).outcomes()
    }
}

/// What to do with a quarantined write.
enum QuarantineChange: Sendable, Hashable {
    case accept
    case drop

    /// - Throws: ``ClusterError``, `invalidArgument` for any other value.
    init(_ message: ClusterChangeQuarantineRequest.Change) throws(ClusterError) {
        switch message {
        case .accept: self = .accept
        case .drop: self = .drop
        case .unknown, .UNRECOGNIZED:
            throw ClusterError(.invalidArgument, "change: say whether to accept or drop the writes")
        }
    }

    /// The same change for another node.
    fileprivate func request(_ ids: [String]) -> PeerNodeChangeQuarantineRequest {
        .with {
            $0.change = self == .accept ? .accept : .drop
            $0.ids = ids
        }
    }
}

extension StoreEntry {
    /// `origin/stamp`, the stamp in hexadecimal: a node gives none twice.
    fileprivate var id: String { "\(origin)/\(String(stamp.rawValue, radix: 16))" }
}

extension StoreQuarantined {
    var message: ClusterQuarantined {
        var message = ClusterQuarantined()
        message.id = entry.id
        (message.bucket, message.key) = (entry.key.bucket, entry.key.key)
        message.origin = entry.origin
        message.written = entry.stamp.timestamp
        message.deletes = entry.isTombstone
        message.size = UInt64(entry.value?.count ?? 0)
        message.reason = reason.explanation
        return message
    }
}

extension StoreQuarantineReason {
    var explanation: String {
        switch self {
        case .farFuture: "it was written after the year 2200, says its clock"
        case .perhapsDeleted:
            "its node was disconnected for so long that it may have been deleted meanwhile"
        }
    }
}

extension ClusterQuarantined {
    fileprivate static func areInOrder(_ left: ClusterQuarantined, _ right: ClusterQuarantined) -> Bool {
        (left.bucket, left.key, left.written.seconds, left.id) < (
            right.bucket, right.key, right.written.seconds, right.id
        )
    }
}
