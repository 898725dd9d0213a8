import StellarAPI
import StellarCore
import StellarRPC
import StellarStore
import SwiftProtobuf

/// Quarantined writes: those of which no node knows whether they should count, and what people decide about them.
///
/// Accepting a write makes one of the nodes that have it write it again: as any write it reaches all nodes, and takes the
/// place of the quarantined one. Dropping it removes it on each node.
extension ClusterOperations {
    func quarantineHere() -> [ClusterQuarantined] {
        store.snapshot().quarantined.map { aside in
            var message = aside.message
            message.nodes = [own.id]
            return message
        }
    }

    /// Each write once, by bucket, key and age.
    func quarantine() async -> (writes: [ClusterQuarantined], outcomes: [ClusterNodeOutcome]) {
        let all = await nodes()
        var found = quarantineHere()
        var outcomes = [Self.outcome(own.id)]
        for (node, answer) in await ask(all, { try await $0.cluster.quarantine(local: true).writes }) {
            switch answer {
            case .success(let writes):
                found += writes.map { write in
                    var write = write
                    write.nodes = [node.id]
                    return write
                }
                outcomes.append(Self.outcome(node.id))
            case .failure(let error): outcomes.append(Self.outcome(node.id, error.message))
            }
        }
        var writes: [String: ClusterQuarantined] = [:]
        for write in found {
            if writes[write.id] == nil { writes[write.id] = write } else { writes[write.id]?.nodes += write.nodes }
        }
        return (writes.values.sorted(by: ClusterQuarantined.areInOrder), outcomes + Self.notAsked(all))
    }

    /// - Parameter ids: what is not aside here is passed over.
    func changeQuarantineHere(_ change: QuarantineChange, _ ids: [String]) async throws -> [ClusterQuarantined] {
        let aside = store.snapshot().quarantined.filter { ids.contains($0.entry.id) }
        switch change {
        case .accept: _ = try await store.accept(aside.map(\.entry))
        case .drop: try await store.drop(aside.map(\.entry))
        }
        return aside.map(\.message)
    }

    /// - Parameter names: ids, or keys under which one write alone is kept aside.
    func changeQuarantine(
        _ change: QuarantineChange,
        _ names: [String]
    ) async throws
        -> ClusterChangeQuarantineResponse
    {
        let (aside, outcomes) = await quarantine()
        var response = ClusterChangeQuarantineResponse()
        response.writes = try Self.selected(names, aside, outcomes)
        switch change {
        case .accept: response.nodes = try await accept(response.writes)
        case .drop: response.nodes = try await drop(response.writes.map(\.id))
        }
        return response
    }

    private static func selected(
        _ names: [String],
        _ aside: [ClusterQuarantined],
        _ outcomes: [ClusterNodeOutcome]
    ) throws -> [ClusterQuarantined] {
        guard !names.isEmpty, !names.contains("") else {
            throw RPCError(.invalidArgument, "say which writes: their ids, or their keys")
        }
        var selected: [String: ClusterQuarantined] = [:]
        for name in names {
            let found = aside.filter { $0.id == name }
            let named = found.isEmpty ? aside.filter { $0.key == name } : found
            guard let write = named.first else {
                let silent = outcomes.filter { !$0.error.isEmpty }.map(\.node).sorted()
                let others = silent.isEmpty ? "" : " by a node that answers (not: \(silent.joined(separator: ", ")))"
                throw RPCError(.notFound, "no write \(name) is kept aside\(others)")
            }
            guard named.count == 1 else {
                let ids = named.map(\.id).joined(separator: ", ")
                throw RPCError(
                    .failedPrecondition,
                    "\(named.count) writes of \(name) are kept aside; say which: \(ids)"
                )
            }
            selected[write.id] = write
        }
        return selected.values.sorted(by: ClusterQuarantined.areInOrder)
    }

    /// Has one of the nodes that have a write make it again; the others then need not keep it.
    private func accept(_ writes: [ClusterQuarantined]) async throws -> [ClusterNodeOutcome] {
        let byNode = Dictionary(grouping: writes) { $0.nodes.contains(own.id) ? own.id : $0.nodes.first ?? "" }
        var outcomes: [ClusterNodeOutcome] = []
        var accepted: [String] = []
        if let here = byNode[own.id]?.map(\.id) {
            _ = try await changeQuarantineHere(.accept, here)
            outcomes.append(Self.outcome(own.id))
            accepted += here
        }
        let all = await nodes()
        for (name, writes) in byNode.sorted(by: { $0.key < $1.key }) where name != own.id {
            let request = ClusterChangeQuarantineRequest(.accept, writes.map(\.id))
            let asked = await ask(all.filter { $0.id == name }) { try await $0.cluster.changeQuarantine(request) }
            guard case .success = asked.first?.answer else {
                let why = if case .failure(let error) = asked.first?.answer { error.message } else { "it is gone" }
                outcomes.append(Self.outcome(name, why))
                continue
            }
            outcomes.append(Self.outcome(name))
            accepted += writes.map(\.id)
        }
        // A node that is not reached now does the same when the new write arrives.
        if !accepted.isEmpty { _ = try? await drop(accepted) }
        return outcomes
    }

    private func drop(_ ids: [String]) async throws -> [ClusterNodeOutcome] {
        _ = try await changeQuarantineHere(.drop, ids)
        var outcomes = [Self.outcome(own.id)]
        let (all, request) = (await nodes(), ClusterChangeQuarantineRequest(.drop, ids))
        for (node, answer) in await ask(all, { try await $0.cluster.changeQuarantine(request) }) {
            switch answer {
            case .success: outcomes.append(Self.outcome(node.id))
            case .failure(let error): outcomes.append(Self.outcome(node.id, error.message))
            }
        }
        return outcomes + Self.notAsked(all)
    }
}

/// What is to become of a write that is kept aside.
enum QuarantineChange: Sendable, Hashable {
    case accept
    case drop

    /// - Throws: InvalidArgument for none of them.
    init(_ message: ClusterChangeQuarantineRequest.Change) throws {
        switch message {
        case .accept: self = .accept
        case .drop: self = .drop
        case .unknown, .UNRECOGNIZED:
            throw RPCError(.invalidArgument, "change: say whether to accept or drop the writes")
        }
    }
}

extension ClusterChangeQuarantineRequest {
    /// As nodes ask each other.
    fileprivate init(_ change: QuarantineChange, _ ids: [String]) {
        self.init()
        self.change = change == .accept ? .accept : .drop
        writes = ids
        local = true
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
