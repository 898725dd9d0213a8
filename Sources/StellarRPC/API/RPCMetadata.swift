/// Custom metadata of a call: an ordered multimap of ASCII text and, under keys that end in `-bin`, bytes.
///
/// Keys are kept in lower case, as HTTP/2 requires (RFC 9113 section 8.2.1). See "Custom-Metadata" in
/// gRPC's PROTOCOL-HTTP2.
public struct RPCMetadata: Sendable, Hashable {
    /// One pair, in the order of the wire.
    public struct Entry: Sendable, Hashable {
        /// One value under one key.
        public enum Value: Sendable, Hashable {
            /// Printable ASCII.
            case string(String)
            /// Any bytes, sent as base64 under a key that ends in `-bin`.
            case binary([UInt8])
        }

        public let key: String
        public let value: Value
    }

    /// Every pair, in order.
    public private(set) var entries: [Entry] = []

    public init() {}

    public var isEmpty: Bool { entries.isEmpty }

    /// The first text under a key. Setting replaces every value of the key; nil removes them.
    public subscript(key: String) -> String? {
        get {
            for entry in entries where entry.key == key {
                if case .string(let text) = entry.value { return text }
            }
            return nil
        }
        set {
            removeAll(key)
            if let newValue { add(key, newValue) }
        }
    }

    /// Every text under a key.
    public func strings(_ key: String) -> [String] {
        entries.compactMap { entry in
            if entry.key == key, case .string(let text) = entry.value { text } else { nil }
        }
    }

    /// Every byte value under a key that ends in `-bin`.
    public func binaries(_ key: String) -> [[UInt8]] {
        entries.compactMap { entry in
            if entry.key == key, case .binary(let bytes) = entry.value { bytes } else { nil }
        }
    }

    /// Appends a text value.
    public mutating func add(_ key: String, _ text: String) {
        entries.append(Entry(key: key.lowercasedASCII, value: .string(text)))
    }

    /// Appends bytes. Adds `-bin` to a key without it.
    public mutating func add(_ key: String, binary bytes: [UInt8]) {
        let key = key.lowercasedASCII
        entries.append(Entry(key: key.hasSuffix("-bin") ? key : key + "-bin", value: .binary(bytes)))
    }

    /// Appends all pairs of other metadata.
    public mutating func add(contentsOf other: RPCMetadata) {
        entries.append(contentsOf: other.entries)
    }

    /// Removes every value of a key.
    public mutating func removeAll(_ key: String) {
        let key = key.lowercasedASCII
        entries.removeAll { $0.key == key }
    }
}

extension RPCMetadata: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        for (key, text) in elements { add(key, text) }
    }
}

extension RPCMetadata: CustomStringConvertible {
    /// The keys alone: values may be secrets.
    public var description: String { "[\(entries.map(\.key).joined(separator: ", "))]" }
}

extension String {
    /// The text with A–Z in lower case. Does not copy a text without them.
    fileprivate var lowercasedASCII: String {
        guard utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else { return self }
        return String(decoding: utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
