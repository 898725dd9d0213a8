/// A record that the nameserver cannot serve.
public struct RecordError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The message: which record, and why.
    public let description: String

    /// Creates an error.
    package init(_ description: String) {
        self.description = description
    }
}

extension Record {
    /// The most bytes of a TXT record: it holds one string, whose length has one byte (RFC 1035, section 3.3).
    public static let maximumTextLength = 255

    /// Checks the name and the value of the record.
    ///
    /// - Throws: ``RecordError`` if the name is not a DNS name or the value does not fit the type.
    public func validate() throws(RecordError) {
        guard Self.isName(name) else {
            throw RecordError("the name \(quoted(name)) is not a DNS name such as \"www.example.stellar\"")
        }
        switch type {
        case .a:
            guard IPv4Address(value) != nil else {
                throw RecordError("the value \(quoted(value)) of the A record \(name) is not an IPv4 address")
            }
        case .cname, .mx, .srv:
            guard Self.isName(value) else {
                throw RecordError("the value \(quoted(value)) of the \(type.rawValue) record \(name) is not a DNS name")
            }
        case .txt:
            guard value.utf8.count <= Self.maximumTextLength else {
                throw RecordError(
                    "the TXT record \(name) has \(value.utf8.count) bytes; the limit is \(Self.maximumTextLength)"
                )
            }
        }
    }

    /// Whether a text is a DNS name within the limits of RFC 1035. A final dot is allowed, and so is `_` anywhere in a
    /// label (RFC 2782).
    private static func isName(_ name: String) -> Bool {
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        let plain = name.split(separator: ".", omittingEmptySubsequences: false).map { label in
            label.isEmpty ? "" : String(label.map { $0 == "_" ? "x" : $0 })
        }
        return Name.isHostName(plain.joined(separator: "."))
    }
}
