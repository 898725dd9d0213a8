/// A compressed message: `09` and a msgpack map of the algorithm (0, LZW) and the bytes.
enum Compressed {
    private static let lempelZivWelch: UInt64 = 0

    static func encode(_ message: some Collection<UInt8>) -> [UInt8] {
        var writer = MessagePackWriter(.compressed)
        writer.map(2)
        writer.key("Algo")
        writer.unsigned(UInt8(truncatingIfNeeded: lempelZivWelch))
        writer.key("Buf")
        writer.byteArray(LempelZivWelch.compress(message))
        return writer.bytes
    }

    /// Decompresses the bytes after the type byte.
    static func decode(_ body: ArraySlice<UInt8>, limit: Int) throws(WireError) -> [UInt8] {
        var reader = MessagePackReader(body)
        var algorithm: UInt64?
        var range: Range<Int>?
        try reader.fields { (reader, key) throws(WireError) in
            switch key {
            case "Algo": algorithm = try reader.unsigned(maximum: 255)
            case "Buf": range = try reader.raw()
            default: return false
            }
            return true
        }
        guard let range, algorithm ?? lempelZivWelch == lempelZivWelch else { throw .compression }
        return try LempelZivWelch.decompress(body[range], limit: limit)
    }
}
