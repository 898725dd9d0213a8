/// The rule for names of nodes, the same in gossip and in the replicated store.
package enum NodeName {
    /// Bytes of a name. memberlist has no limit; a DNS name has 253.
    package static let maximumBytes = 255

    /// Whether a node can have this name: names are shown, logged and compared as they were written.
    package static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= maximumBytes
            && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
