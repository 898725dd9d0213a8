/// The keys of a cluster. What goes out is encrypted with the primary one; what comes in may be encrypted with any.
///
/// A key is changed without a gap by adding the new one on every node, then making it the primary one on every node, then
/// removing the old one on every node.
public struct Keyring: Sendable, Hashable {
    /// The primary one first. Never empty.
    public private(set) var keys: [GossipKey]

    public var primary: GossipKey { keys[0] }

    public init(_ primary: GossipKey) {
        keys = [primary]
    }

    /// - Throws: ``KeyringError`` if there is no key.
    public init(_ keys: [GossipKey]) throws(KeyringError) {
        guard let first = keys.first else { throw .isEmpty }
        self.init(first)
        for key in keys.dropFirst() { add(key) }
    }

    /// Adds a key to decrypt with. One that is there already is fine.
    public mutating func add(_ key: GossipKey) {
        if !keys.contains(key) { keys.append(key) }
    }

    /// Encrypts with this key from now on.
    ///
    /// - Throws: `isUnknown` unless it was added before.
    public mutating func use(_ key: GossipKey) throws(KeyringError) {
        guard let index = keys.firstIndex(of: key) else { throw .isUnknown }
        keys.insert(keys.remove(at: index), at: 0)
    }

    /// Takes a key away.
    ///
    /// - Throws: `isPrimary` for the one that is in use; what is not there is fine.
    public mutating func remove(_ key: GossipKey) throws(KeyringError) {
        guard key != primary else { throw .isPrimary }
        keys.removeAll { $0 == key }
    }
}

public enum KeyringError: Error, Sendable, Hashable {
    case isEmpty
    case isUnknown
    case isPrimary
}

/// An AES key: 16, 24 or 32 bytes.
public struct GossipKey: Sendable, Hashable {
    public let bytes: [UInt8]

    /// - Returns: nil for any other number of bytes.
    public init?(_ bytes: [UInt8]) {
        guard [16, 24, 32].contains(bytes.count) else { return nil }
        self.bytes = bytes
    }
}

extension GossipKey: CustomStringConvertible {
    /// Never the key: descriptions end up in logs.
    public var description: String { "AES-\(8 * bytes.count) key" }
}
