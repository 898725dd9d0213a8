/// A dictionary of which copies are taken while it goes on changing.
///
/// The first change after a copy of a Swift dictionary copies all of it. An exchange has a copy of the store, and in a
/// burst of writes there is always one: half the time went into copies of what had not changed. Here what changed lately is
/// apart, and only that is copied.
struct SnapshotDictionary<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// What is copied in no time is not worth to be apart.
    static var fewest: Int { 512 }
    /// The part of the whole that the changes may be. They are copied for each copy that is taken, and when they are too
    /// many, the whole is copied with them: so many values for each change.
    static var part: Int { 8 }

    private var settled: [Key: Value] = [:]
    /// Over what is settled; nil is what was removed of it.
    private var recent: [Key: Value?] = [:]
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    subscript(key: Key) -> Value? {
        if !recent.isEmpty, let change = recent[key] { return change }
        return settled[key]
    }

    /// - Returns: what was under the key.
    @discardableResult
    mutating func updateValue(_ value: Value, forKey key: Key) -> Value? {
        let old: Value?
        if settled.count < Self.fewest, recent.isEmpty {
            old = settled.updateValue(value, forKey: key)
        } else {
            old = self[key]
            recent.updateValue(value, forKey: key)
            settleIfMany()
        }
        if old == nil { count += 1 }
        return old
    }

    /// - Returns: what was under the key.
    @discardableResult
    mutating func removeValue(forKey key: Key) -> Value? {
        let old: Value?
        if settled.count < Self.fewest, recent.isEmpty {
            old = settled.removeValue(forKey: key)
        } else {
            old = self[key]
            guard old != nil else { return nil }
            recent.updateValue(nil, forKey: key)
            settleIfMany()
        }
        if old != nil { count -= 1 }
        return old
    }

    private mutating func settleIfMany() {
        guard recent.count >= Self.fewest, recent.count >= settled.count / Self.part else { return }
        for (key, change) in recent {
            if let value = change {
                settled.updateValue(value, forKey: key)
            } else {
                settled.removeValue(forKey: key)
            }
        }
        recent = [:]
    }

    /// All values, in no order.
    var values: [Value] {
        guard !recent.isEmpty else { return Array(settled.values) }
        var all: [Value] = []
        all.reserveCapacity(count)
        for (key, value) in settled where recent.index(forKey: key) == nil { all.append(value) }
        for case let value? in recent.values { all.append(value) }
        return all
    }
}
