@testable import StellarGossip

extension Compound {
    static func encode(_ parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        append(parts, to: &bytes)
        return bytes
    }
}

/// Messages that grow when they are decoded.
enum Bomb {
    /// A compressed message of `tables` times 7.4 million zeros, in 5,700 bytes each: every code stands for one zero
    /// more than the code before, until the table is full.
    static func zeros(tables: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var (pending, count) = (UInt32(0), 0)
        func write(_ code: Int, _ width: Int) {
            pending |= UInt32(code) << UInt32(count)
            count += width
            while count >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: pending))
                pending >>= 8
                count -= 8
            }
        }
        for _ in 0..<tables {
            write(256, bytes.isEmpty ? 9 : 12)
            var (next, width) = (257, 9)
            while next < 4095 {
                write(next == 257 ? 0 : next, width)
                next += 1
                if next == 1 << width { width += 1 }
            }
        }
        write(257, 12)
        bytes.append(UInt8(truncatingIfNeeded: pending))
        var writer = MessagePackWriter(.compressed)
        writer.map(2)
        writer.key("Algo")
        writer.unsigned(UInt8(0))
        writer.key("Buf")
        writer.byteArray(bytes)
        return writer.bytes
    }

    /// A message in a compound in a compound, and so on.
    static func deep(_ message: [UInt8], levels: Int) -> [UInt8] {
        (0..<levels).reduce(message) { inner, _ in Compound.encode([inner]) }
    }

    /// A compression in a compression, and so on.
    static func squeezed(_ message: [UInt8], levels: Int) -> [UInt8] {
        (0..<levels).reduce(message) { inner, _ in Compressed.encode(inner) }
    }

    /// Compounds of compounds: each level is as many times the one below as fit.
    static func wide(_ message: [UInt8]) -> [UInt8] {
        var bytes = message
        while bytes.count < 30_000 {
            bytes = Compound.encode([[UInt8]](repeating: bytes, count: min(255, 60_000 / (bytes.count + 2))))
        }
        return bytes
    }
}
