/// Labels: keys with values, written `key=value`.
///
/// Iteration is in the order of the keys, so the same labels always give the same output.
public struct Labels: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// The labels as a dictionary.
    public var dictionary: [String: String]

    /// Creates labels from a dictionary.
    public init(_ dictionary: [String: String] = [:]) {
        self.dictionary = dictionary
    }

    /// Creates labels from a literal. If a key occurs twice, its last value counts.
    public init(dictionaryLiteral elements: (String, String)...) {
        dictionary = Dictionary(elements, uniquingKeysWith: { $1 })
    }

    /// The value of a key; nil if there is no such label.
    public subscript(key: String) -> String? {
        get { dictionary[key] }
        set { dictionary[key] = newValue }
    }

    /// The labels as `key=value`, in the order of the keys.
    public var list: [String] { map { "\($0.key)=\($0.value)" } }

    /// Whether there are no labels.
    public var isEmpty: Bool { dictionary.isEmpty }

    /// The key and the value of one label: splits the text at its first `=`, so `a=b=c` is `a` with the value `b=c`. A
    /// text without `=` is a key with an empty value. nil if the key is empty.
    public static func split(_ text: String) -> (key: String, value: String)? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let key = parts.first, !key.isEmpty else { return nil }
        return (String(key), parts.count == 2 ? String(parts[1]) : "")
    }

    /// The most bytes of key and value together: containerd refuses longer labels.
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
