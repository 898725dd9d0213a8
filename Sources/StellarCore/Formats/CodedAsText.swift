// Values that are coded as one string, their text.

extension Decoder {
    /// Decodes a value from one string.
    ///
    /// - Parameter what: the kind of value, for the error: `an IPv4 address`.
    func value<Value>(of what: String, _ read: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = read(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(quoted(text)) is not \(what)")
        }
        return value
    }
}
