import StellarAPI

/// The keyrings of all nodes beside each other: what is shown of them, and whether a change may be made.
enum KeyRotation {
    /// The keys of one node, by their fingerprints, the primary one first; none where it does not encrypt.
    struct Ring: Sendable, Hashable {
        var node: String
        var keys: [Key]
    }

    struct Key: Sendable, Hashable {
        var fingerprint: String
        /// In bytes.
        var size: Int
    }

    /// Each key once, those that are primary on the most nodes first.
    static func table(_ rings: [Ring]) -> [ClusterKey] {
        var keys: [String: ClusterKey] = [:]
        for ring in rings.sorted(by: { $0.node < $1.node }) {
            for (index, key) in ring.keys.enumerated() {
                keys[key.fingerprint, default: .init()].fingerprint = key.fingerprint
                keys[key.fingerprint]?.size = UInt32(key.size)
                keys[key.fingerprint]?.nodes.append(ring.node)
                if index == 0 { keys[key.fingerprint]?.primaryOn.append(ring.node) }
            }
        }
        return keys.values.sorted { left, right in
            left.primaryOn.count == right.primaryOn.count
                ? left.fingerprint < right.fingerprint : left.primaryOn.count > right.primaryOn.count
        }
    }

    /// What forbids a change, so that no step of a rotation cuts off a node that responds.
    static func objection(to change: KeyChange, _ fingerprint: String, _ rings: [Ring]) -> ClusterError? {
        func names(_ condition: (Ring) -> Bool) -> String? {
            let names = rings.filter(condition).map(\.node).sorted()
            return names.isEmpty ? nil : names.joined(separator: ", ")
        }
        func has(_ ring: Ring) -> Bool { ring.keys.contains { $0.fingerprint == fingerprint } }
        if let plain = names({ $0.keys.isEmpty }) {
            return ClusterError(
                .failedPrecondition,
                "gossip is not encrypted on \(plain); a first key is given to all nodes at their start, with --gossip-key"
            )
        }
        switch change {
        case .add: return nil
        case .use, .remove:
            guard rings.contains(where: has) else {
                return ClusterError(.notFound, "no node has the key \(fingerprint)")
            }
            if change == .use, let without = names({ !has($0) }) {
                return ClusterError(
                    .failedPrecondition,
                    "\(without) could not read what is encrypted with \(fingerprint); add the key there first"
                )
            }
            if change == .remove, let users = names({ $0.keys.first?.fingerprint == fingerprint }) {
                return ClusterError(.failedPrecondition, "\(fingerprint) is in use on \(users); use another key first")
            }
            return nil
        }
    }
}
