/// LZW (Welch: "A technique for high-performance data compression", 1984) in the variant of GIF and of Go's
/// `compress/lzw` with LSB-first codes and literals of eight bits: codes of 9 to 12 bits, 256 clears the table, 257
/// ends.
public enum LempelZivWelch {
    private static let clear: UInt16 = 256
    private static let end: UInt16 = 257
    private static let firstWidth = 9
    private static let lastWidth = 12
    /// The last code of twelve bits. The writer clears its table there; the reader never exceeds it.
    private static let lastCode: UInt16 = 4095
    private static let none = UInt16.max

    /// Compresses bytes. The output may be longer than the input.
    public static func compress(_ input: some Collection<UInt8>) -> [UInt8] {
        var output = BitWriter()
        var table = CodeTable(codes: input.count)
        var width = firstWidth
        var next = end
        output.write(clear, width: width)
        var current = none
        for byte in input {
            guard current != none else {
                current = UInt16(byte)
                continue
            }
            if let code = table.find(current, byte) {
                current = code
                continue
            }
            output.write(current, width: width)
            let prefix = current
            current = UInt16(byte)
            next += 1
            if next == 1 << UInt16(width) { width += 1 }
            if next == lastCode {
                output.write(clear, width: lastWidth)
                table.removeAll()
                width = firstWidth
                next = end
            } else {
                table.insert(prefix, byte, code: next)
            }
        }
        if current != none {
            output.write(current, width: width)
            next += 1
            if next == 1 << UInt16(width) { width += 1 }
            if next == lastCode {
                output.write(clear, width: lastWidth)
                width = firstWidth
            }
        }
        output.write(end, width: width)
        return output.finish()
    }

    /// Decompresses bytes.
    ///
    /// - Parameter limit: the longest output; a few hundred bytes can grow to megabytes.
    /// - Throws: `tooLarge` above the limit, `truncated` without an end code, `compression` if it is not LZW.
    public static func decompress(_ input: ArraySlice<UInt8>, limit: Int) throws(WireError) -> [UInt8] {
        var bits = BitReader(input)
        var output: [UInt8] = []
        // For each code above the literals: the code before its last byte, and that byte.
        var prefixes = [UInt16](repeating: 0, count: Int(lastCode) + 1)
        var suffixes = [UInt8](repeating: 0, count: Int(lastCode) + 1)
        var expanded: [UInt8] = []
        var width = firstWidth
        var next = end
        var last = none
        while true {
            guard let code = bits.read(width) else { throw .truncated }
            if code == clear {
                width = firstWidth
                next = end
                last = none
                continue
            }
            if code == end { return output }
            // Only one code may be missing in the table: the one that this step defines.
            let isNew = code == next && last != none
            guard code < clear || code < next || isNew else { throw .compression }
            expanded.removeAll(keepingCapacity: true)
            var link = isNew ? last : code
            while link > end {
                expanded.append(suffixes[Int(link)])
                link = prefixes[Int(link)]
            }
            let first = UInt8(truncatingIfNeeded: link)
            expanded.append(first)
            guard output.count + expanded.count <= limit else { throw .tooLarge }
            output.append(contentsOf: expanded.reversed())
            if isNew {
                output.append(first)
                guard output.count <= limit else { throw .tooLarge }
            }
            if last != none, next <= lastCode {
                prefixes[Int(next)] = last
                suffixes[Int(next)] = first
            }
            last = code
            next += 1
            if next >= 1 << UInt16(width) {
                if width == lastWidth {
                    // The table is full and stays as it is until the writer clears it.
                    last = none
                    next -= 1
                } else {
                    width += 1
                }
            }
        }
    }
}

extension LempelZivWelch {
    /// Maps (prefix code, byte) to a code.
    ///
    /// Open addressing, with more than twice as many places as codes, so that chains stay short. The table is as small
    /// as the input allows: for a datagram, clearing a full-sized table would take longer than compressing.
    private struct CodeTable {
        /// Key in the high bits, code in the low twelve; zero is free, as no code is below 258.
        private var entries: [UInt32]
        private let mask: UInt32

        init(codes: Int) {
            var places = 256
            while places < 2 * min(codes, Int(LempelZivWelch.lastCode) + 1) { places *= 2 }
            places *= 2
            entries = [UInt32](repeating: 0, count: places)
            mask = UInt32(places - 1)
        }

        private static func key(_ prefix: UInt16, _ byte: UInt8) -> UInt32 { UInt32(prefix) << 8 | UInt32(byte) }

        /// Multiplicative hashing (Knuth, The Art of Computer Programming 3, section 6.4): the high bits are mixed
        /// best.
        private func place(_ key: UInt32) -> Int { Int((key &* 0x9E37_79B1) >> 16 & mask) }

        func find(_ prefix: UInt16, _ byte: UInt8) -> UInt16? {
            let key = Self.key(prefix, byte)
            var index = place(key)
            while entries[index] != 0 {
                if entries[index] >> 12 == key { return UInt16(truncatingIfNeeded: entries[index] & 0xFFF) }
                index = (index + 1) & Int(mask)
            }
            return nil
        }

        mutating func insert(_ prefix: UInt16, _ byte: UInt8, code: UInt16) {
            let key = Self.key(prefix, byte)
            var index = place(key)
            while entries[index] != 0 { index = (index + 1) & Int(mask) }
            entries[index] = key << 12 | UInt32(code)
        }

        mutating func removeAll() {
            for place in entries.indices { entries[place] = 0 }
        }
    }

    private struct BitWriter {
        private var bytes: [UInt8] = []
        private var pending: UInt32 = 0
        private var count = 0

        mutating func write(_ code: UInt16, width: Int) {
            pending |= UInt32(code) << UInt32(count)
            count += width
            while count >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: pending))
                pending >>= 8
                count -= 8
            }
        }

        mutating func finish() -> [UInt8] {
            if count > 0 { bytes.append(UInt8(truncatingIfNeeded: pending)) }
            return bytes
        }
    }

    private struct BitReader {
        private let bytes: ArraySlice<UInt8>
        private var position: Int
        private var pending: UInt32 = 0
        private var count = 0

        init(_ bytes: ArraySlice<UInt8>) {
            self.bytes = bytes
            position = bytes.startIndex
        }

        /// nil at the end of the bytes.
        mutating func read(_ width: Int) -> UInt16? {
            while count < width {
                guard position < bytes.endIndex else { return nil }
                pending |= UInt32(bytes[position]) << UInt32(count)
                position += 1
                count += 8
            }
            let code = UInt16(truncatingIfNeeded: pending & (1 << UInt32(width) - 1))
            pending >>= UInt32(width)
            count -= width
            return code
        }
    }
}
