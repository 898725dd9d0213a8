/// Conversion of custom metadata to and from header fields.
extension RPCMetadata {
    /// Adds a field, unless HTTP or gRPC reserves its name.
    ///
    /// - Throws: `internalError` for a `-bin` value that is not base64.
    package mutating func take(_ field: HTTP2Header) throws(RPCError) {
        guard !Self.isReserved(field.name) else { return }
        guard field.name.hasSuffix("-bin") else {
            add(field.name, field.value)
            return
        }
        // A proxy may have joined several values.
        for part in field.value.split(separator: ",", omittingEmptySubsequences: false) {
            let text = part.drop { $0 == " " }
            guard let bytes = Base64.decode(text) else {
                throw RPCError(.internalError, "the metadata \(field.name) is not base64")
            }
            add(field.name, binary: bytes)
        }
    }

    /// Appends the fields, without reserved names and without characters that HTTP forbids.
    package func append(to fields: inout [HTTP2Header]) {
        for entry in entries where !Self.isReserved(entry.key) && Self.isValid(key: entry.key) {
            switch entry.value {
            case .string(let text):
                guard !entry.key.hasSuffix("-bin"), Self.isValid(text) else { continue }
                fields.append(HTTP2Header(entry.key, text))
            case .binary(let bytes):
                fields.append(HTTP2Header(entry.key, Base64.encode(bytes)))
            }
        }
    }

    /// The key of the first pair that cannot be sent.
    package var unsendable: String? {
        entries.first { entry in
            if Self.isReserved(entry.key) || !Self.isValid(key: entry.key) { return true }
            if case .string(let text) = entry.value { return entry.key.hasSuffix("-bin") || !Self.isValid(text) }
            return false
        }?.key
    }

    private static func isReserved(_ name: String) -> Bool {
        if name.utf8.first == UInt8(ascii: ":") || name.hasPrefix("grpc-") {
            // grpc-status-details-bin and the like are the application's.
            return !name.hasSuffix("-bin")
        }
        switch name {
        case "content-type", "te", "user-agent", "content-length", "host", "connection", "keep-alive",
            "proxy-connection", "transfer-encoding", "upgrade":
            return true
        default: return false
        }
    }

    /// "Header-Name": 1*( %x30-39 / %x61-7A / "_" / "-" / ".").
    private static func isValid(key: String) -> Bool {
        !key.isEmpty
            && key.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
    }

    /// "ASCII-Value": %x20-%x7E, without white space at the ends (RFC 9113 section 8.2.1).
    private static func isValid(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.utf8.first != 0x20 && text.utf8.last != 0x20
    }
}
