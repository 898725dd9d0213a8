import StellarSystem

// How the store encodes numbers, texts and entries in its messages: numbers in sevens of bits, lowest first
// (LEB128, as protobuf's varints), stamps in eight bytes, highest first, texts and bytes behind their length. An entry leaves
// out its bucket and its origin where they are those of the entry before.

struct StoreWriter {
    private(set) var bytes: [UInt8] = []
    private var bucket: String?
    private var origin: String?

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func number(_ value: some BinaryInteger) {
        var rest = UInt64(truncatingIfNeeded: value)
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func fixed(_ value: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func stamp(_ value: StoreStamp) { fixed(value.rawValue) }

    mutating func data(_ value: [UInt8]) {
        number(value.count)
        bytes += value
    }

    mutating func text(_ value: String) {
        number(value.utf8.count)
        bytes += value.utf8
    }

    /// - Parameter origin: of the entries, if it is known already.
    mutating func entries(_ entries: [StoreEntry], origin: String? = nil) {
        self.origin = origin
        bucket = nil
        number(entries.count)
        for entry in entries { self.entry(entry) }
    }

    private mutating func entry(_ entry: StoreEntry) {
        var flags: EntryFlags = []
        if entry.isTombstone { flags.insert(.tombstone) }
        if entry.key.bucket == bucket { flags.insert(.sameBucket) }
        if entry.origin == origin { flags.insert(.sameOrigin) }
        byte(flags.rawValue)
        if !flags.contains(.sameBucket) { text(entry.key.bucket) }
        text(entry.key.key)
        stamp(entry.stamp)
        if !flags.contains(.sameOrigin) { text(entry.origin) }
        if let value = entry.value { data(value) }
        (bucket, origin) = (entry.key.bucket, entry.origin)
    }

    mutating func vector(_ vector: VersionVector) {
        number(vector.count)
        for (origin, stamp) in vector.all {
            text(origin)
            self.stamp(stamp)
        }
    }
}

private struct EntryFlags: OptionSet {
    let rawValue: UInt8

    static let tombstone = EntryFlags(rawValue: 1)
    static let sameBucket = EntryFlags(rawValue: 2)
    static let sameOrigin = EntryFlags(rawValue: 4)
    static let known: EntryFlags = [.tombstone, .sameBucket, .sameOrigin]
}

/// Reads what ``StoreWriter`` of any node wrote, and checks everything.
struct StoreReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    /// Nothing may be left.
    func end() throws(StoreWireError) {
        guard remaining == 0 else { throw .tooLarge }
    }

    mutating func byte() throws(StoreWireError) -> UInt8 {
        guard remaining > 0 else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number() throws(StoreWireError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7F) << shift
            guard byte & 0x80 != 0 else { return value }
        }
        throw .outOfRange
    }

    /// How many items follow, each of at least `each` bytes; a number that the rest cannot hold is refused.
    mutating func count(each: Int) throws(StoreWireError) -> Int {
        let value = try number()
        guard value <= UInt64(remaining / each) else { throw .truncated }
        return Int(value)
    }

    mutating func fixed() throws(StoreWireError) -> UInt64 {
        guard remaining >= 8 else { throw .truncated }
        defer { position += 8 }
        return bytes[position..<position + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func stamp() throws(StoreWireError) -> StoreStamp { StoreStamp(rawValue: try fixed()) }

    private mutating func piece(maximum: Int) throws(StoreWireError) -> ArraySlice<UInt8> {
        let count = try number()
        guard count <= UInt64(remaining) else { throw .truncated }
        guard count <= UInt64(maximum) else { throw .tooLarge }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }

    mutating func data(maximum: Int) throws(StoreWireError) -> [UInt8] { [UInt8](try piece(maximum: maximum)) }

    /// A text that is not empty, and UTF-8.
    mutating func text(maximum: Int) throws(StoreWireError) -> String {
        let piece = try piece(maximum: maximum)
        guard !piece.isEmpty, let text = String(validating: piece, as: UTF8.self) else { throw .name }
        return text
    }

    mutating func nodeName() throws(StoreWireError) -> String {
        let name = try text(maximum: NodeName.maximumBytes)
        guard NodeName.isValid(name) else { throw .name }
        return name
    }

    mutating func entries(origin: String? = nil) throws(StoreWireError) -> [StoreEntry] {
        var origin = origin
        var bucket: String?
        // Flags, a key of one byte, a stamp.
        let count = try count(each: 11)
        var entries: [StoreEntry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let flags = EntryFlags(rawValue: try byte())
            guard EntryFlags.known.isSuperset(of: flags) else { throw .wrongType }
            if !flags.contains(.sameBucket) { bucket = try text(maximum: StoreLimits.bucket) }
            let key = try text(maximum: StoreLimits.key)
            let stamp = try stamp()
            if !flags.contains(.sameOrigin) { origin = try nodeName() }
            let value = flags.contains(.tombstone) ? nil : try data(maximum: StoreLimits.value)
            guard let bucket, let origin else { throw .wrongType }
            guard stamp > .zero else { throw .outOfRange }
            entries.append(StoreEntry(StoreKey(bucket, key), value, stamp: stamp, origin: origin))
        }
        return entries
    }

    mutating func vector() throws(StoreWireError) -> VersionVector {
        // A name of one byte behind its length, a stamp.
        let count = try count(each: 10)
        guard count <= StoreLimits.origins else { throw .tooLarge }
        var stamps: [String: StoreStamp] = [:]
        for _ in 0..<count { stamps[try nodeName()] = try stamp() }
        return VersionVector(stamps)
    }
}
