/// Labels: keys with values, written `key=value`. Iterates in the order of the keys, so that output never changes by
/// chance.
public struct Labels: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// The same as a dictionary.
    public var dictionary: [String: String]

    /// Makes labels of a dictionary.
    public init(_ dictionary: [String: String] = [:]) {
        self.dictionary = dictionary
    }

    /// Makes labels of a literal. Of a key given twice the last value holds.
    public init(dictionaryLiteral elements: (String, String)...) {
        dictionary = Dictionary(elements, uniquingKeysWith: { $1 })
    }

    /// The value of a key.
    public subscript(key: String) -> String? {
        get { dictionary[key] }
        set { dictionary[key] = newValue }
    }

    /// `key=value` for each, in the order of the keys.
    public var list: [String] { map { "\($0.key)=\($0.value)" } }

    /// Whether there is none.
    public var isEmpty: Bool { dictionary.isEmpty }

    /// Key and value of one label: the text is split at its first `=`, so `a=b=c` is `a` with the value `b=c`. A text
    /// without `=` is a key with an empty value; nil where the key would be empty.
    public static func split(_ text: String) -> (key: String, value: String)? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let key = parts.first, !key.isEmpty else { return nil }
        return (String(key), parts.count == 2 ? String(parts[1]) : "")
    }

    /// Key and value together may have 4096 bytes: containerd refuses more.
    public static let maximumBytes = 4096
}

extension Labels: Sequence {
    /// Labels in the order of their keys.
    public func makeIterator() -> IndexingIterator<[(key: String, value: String)]> {
        dictionary.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }.makeIterator()
    }
}

extension Labels: Codable {
    /// Reads an object of strings.
    public init(from decoder: any Decoder) throws {
        dictionary = try decoder.singleValueContainer().decode([String: String].self)
    }

    /// Writes an object of strings.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(dictionary)
    }
}
