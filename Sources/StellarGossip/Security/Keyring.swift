/// The keys of a cluster. The primary key encrypts; every key decrypts.
///
/// To change the key without a gap, add the new one on every node, then make it the primary one on every node, then
/// remove the old one on every node.
public struct Keyring: Sendable, Hashable {
    /// The keys, the primary one first. Never empty.
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

    /// Adds a key to decrypt with. A known key changes nothing.
    public mutating func add(_ key: GossipKey) {
        if !keys.contains(key) { keys.append(key) }
    }

    /// Makes a key the primary one.
    ///
    /// - Throws: `isUnknown` unless it was added before.
    public mutating func use(_ key: GossipKey) throws(KeyringError) {
        guard let index = keys.firstIndex(of: key) else { throw .isUnknown }
        keys.insert(keys.remove(at: index), at: 0)
    }

    /// Removes a key. An unknown key changes nothing.
    ///
    /// - Throws: `isPrimary` for the primary one.
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
    /// The kind of key without its bytes, because descriptions end up in logs.
    public var description: String { "AES-\(8 * bytes.count) key" }
}
