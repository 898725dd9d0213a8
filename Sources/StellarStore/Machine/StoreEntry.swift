/// A bucket and a key in it. Both are compared as the bytes of their UTF-8.
package struct StoreKey: Sendable, Hashable, Comparable {
    package var bucket: String
    package var key: String

    package init(_ bucket: String, _ key: String) {
        self.bucket = bucket
        self.key = key
    }

    package static func == (left: StoreKey, right: StoreKey) -> Bool {
        ExactText(left.key) == ExactText(right.key) && ExactText(left.bucket) == ExactText(right.bucket)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ExactText(bucket))
        hasher.combine(ExactText(key))
    }

    package static func < (left: StoreKey, right: StoreKey) -> Bool {
        let buckets = (ExactText(left.bucket), ExactText(right.bucket))
        return buckets.0 == buckets.1 ? ExactText(left.key) < ExactText(right.key) : buckets.0 < buckets.1
    }
}

/// A text as its bytes: Swift takes "é" and "e" with an accent for equal, the disk and the digest do not.
struct ExactText: Sendable, Hashable, Comparable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: ExactText, right: ExactText) -> Bool {
        left.withBytes { left in right.withBytes { left.count == $0.count && left.elementsEqual($0) } }
    }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(UInt8(0xFF))
    }

    static func < (left: ExactText, right: ExactText) -> Bool {
        left.withBytes { left in right.withBytes { left.lexicographicallyPrecedes($0) } }
    }

    /// A text's UTF-8 itself takes its bytes one by one.
    private func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        text.utf8.withContiguousStorageIfAvailable(body) ?? Array(text.utf8).withUnsafeBufferPointer(body)
    }
}

/// A write that a client wants.
package struct StoreChange: Sendable, Hashable {
    package var key: StoreKey
    /// nil deletes.
    package var value: [UInt8]?

    package init(_ key: StoreKey, _ value: [UInt8]?) {
        self.key = key
        self.value = value
    }

    /// - Parameter value: nil deletes.
    package init(_ bucket: String, _ key: String, _ value: [UInt8]?) {
        self.init(StoreKey(bucket, key), value)
    }

    /// - Throws: The limit that it breaks.
    package func check() throws(StoreError) {
        guard !key.bucket.isEmpty, key.bucket.utf8.count <= StoreLimits.bucket else { throw .bucket(key.bucket) }
        guard !key.key.isEmpty, key.key.utf8.count <= StoreLimits.key else { throw .key(key.key) }
        if let value, value.count > StoreLimits.value { throw .value(value.count) }
    }
}

/// What is under a key: a value, or the tombstone of a deleted one; when it was written, and by which node.
///
/// Of two entries under one key the later one wins everywhere, and of two of one stamp the one of the greater origin. A node
/// gives a stamp twice only if it lost a part of its disk and its clock was set back; then the content decides, so that all
/// nodes decide alike.
package struct StoreEntry: Sendable, Hashable {
    package let key: StoreKey
    /// nil: it was deleted.
    package let value: [UInt8]?
    package let stamp: StoreStamp
    /// The name of the node that wrote it.
    package let origin: String

    package init(_ key: StoreKey, _ value: [UInt8]?, stamp: StoreStamp, origin: String) {
        self.key = key
        self.value = value
        self.stamp = stamp
        self.origin = origin
    }

    package var isTombstone: Bool { value == nil }

    /// Whether this entry replaces another one under the same key.
    package func supersedes(_ other: StoreEntry) -> Bool {
        if stamp != other.stamp { return stamp > other.stamp }
        if origin != other.origin { return origin > other.origin }
        switch (value, other.value) {
        case (nil, let theirs): return theirs != nil
        case (_, nil): return false
        case (let ours?, let theirs?): return theirs.lexicographicallyPrecedes(ours)
        }
    }

    /// Bytes that it takes in a message, and a few more.
    var encodedBytes: Int {
        key.bucket.utf8.count + key.key.utf8.count + origin.utf8.count + (value?.count ?? 0) + 24
    }

    /// What it adds to the digest of what a node holds.
    var digest: UInt64 {
        var hash = StoreHash()
        hash.add(key.bucket)
        hash.add(key.key)
        hash.add(origin)
        hash.add(stamp.rawValue)
        if let value { hash.add(value) }
        return hash.value
    }
}

/// FNV-1a of 64 bits, mixed at the end so that sums of many hashes keep all bits apart. It does not resist a peer that wants
/// two contents to look alike: such a peer may write, too.
struct StoreHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // The end of one is not the beginning of the next.
        state = (state ^ 0x100) &* 0x100_0000_01B3
    }

    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add($0) }
    }

    mutating func add(_ number: UInt64) {
        add((0..<8).lazy.map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
    }

    /// Mixed as SplitMix64 does (Steele, Lea, Flood 2014).
    var value: UInt64 {
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Why something cannot be written.
package enum StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    case bucket(String)
    case key(String)
    /// Its bytes.
    case value(Int)
    /// The store has all the keys that it may have.
    case full
    /// The clock is beyond ``StoreStamp/latest``.
    case clock
    /// The store stops: its node's daemon ends.
    case stopping

    package var description: String {
        switch self {
        case .bucket(let name): "the bucket \(String(reflecting: name)) must have 1 to \(StoreLimits.bucket) bytes"
        case .key(let key): "the key \(String(reflecting: key)) must have 1 to \(StoreLimits.key) bytes"
        case .value(let count): "the value has \(count) bytes; at most \(StoreLimits.value) can be kept"
        case .full: "the store holds \(StoreLimits.entries) keys; delete some"
        case .clock: "this computer's clock is beyond the year 2200; set it right"
        case .stopping: "the store is stopping"
        }
    }
}
