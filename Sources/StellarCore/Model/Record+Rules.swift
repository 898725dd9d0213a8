/// Why a record cannot be served, with the fix.
public struct RecordError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The whole sentence.
    public let description: String

    /// Makes an error.
    public init(_ description: String) {
        self.description = description
    }
}

extension Record {
    /// A TXT record holds one string here, whose length is kept in one byte (RFC 1035, section 3.3).
    public static let maximumTextLength = 255

    /// Checks that the record can be answered with: its name, and the value for its type.
    public func validate() throws(RecordError) {
        guard Self.isName(name) else {
            throw RecordError("\(quoted(name)) is not a DNS name such as \"www.example.stellar\"")
        }
        switch type {
        case .a:
            guard IPv4Address(value) != nil else {
                throw RecordError("\(quoted(value)) is not an IPv4 address, which is the value of an A record")
            }
        case .cname, .mx, .srv:
            guard Self.isName(value) else {
                throw RecordError("\(quoted(value)) is not a DNS name, which is the value of a \(type.rawValue) record")
            }
        case .txt:
            guard value.utf8.count <= Self.maximumTextLength else {
                throw RecordError("a TXT record has at most \(Self.maximumTextLength) bytes, not \(value.utf8.count)")
            }
        }
    }

    /// A DNS name as RFC 1035 limits it, one final dot allowed. Labels may begin with `_` (RFC 2782) and contain it, as
    /// names that people serve do.
    private static func isName(_ name: String) -> Bool {
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        let plain = name.split(separator: ".", omittingEmptySubsequences: false).map { label in
            label.isEmpty ? "" : String(label.map { $0 == "_" ? "x" : $0 })
        }
        return Name.isHostName(plain.joined(separator: "."))
    }
}
