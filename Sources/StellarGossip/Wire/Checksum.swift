/// CRC-32 as in Ethernet and gzip (ISO 3309; polynomial 0x04C11DB7, reflected), eight bytes at a time (Kounavis, Berry:
/// "Novel table lookup-based algorithms for high-performance CRC generation", 2008): every datagram has one.
enum Checksum {
    /// Eight tables of 256: what a byte does to the sum when 0 to 7 others follow it.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = []
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
            tables.append(value)
        }
        for index in 256..<2048 {
            let before = tables[index - 256]
            tables.append(tables[Int(before & 0xFF)] ^ (before >> 8))
        }
        return tables
    }()

    static func crc32(_ bytes: some Collection<UInt8>) -> UInt32 {
        bytes.withContiguousStorageIfAvailable { crc32(UnsafeRawBufferPointer($0)) }
            ?? [UInt8](bytes).withUnsafeBytes { crc32($0) }
    }

    private static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { tables in
            var value = UInt32.max
            var index = 0
            while index + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let mixed = word ^ UInt64(value)
                value = 0
                for place in 0..<8 {
                    let byte = Int(mixed >> UInt64(8 * place) & 0xFF)
                    value ^= tables[(7 - place) << 8 | byte]
                }
                index += 8
            }
            while index < bytes.count {
                value = tables[Int((value ^ UInt32(bytes[index])) & 0xFF)] ^ (value >> 8)
                index += 1
            }
            return ~value
        }
    }
}
