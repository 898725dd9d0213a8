// Values whose coded form is their text, one string.

extension Decoder {
    /// The value that the string stands for.
    ///
    /// - Parameter what: what it should be, for the error: `an IPv4 address`.
    func value<Value>(of what: String, _ read: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = read(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(quoted(text)) is not \(what)")
        }
        return value
    }
}
