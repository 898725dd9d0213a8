/// A dictionary that is cheap to copy while it changes.
///
/// The first change after a copy of a Swift dictionary copies all of it. An exchange has a copy of the store, and in a
/// burst of writes there is always one: half the time went into copies of what had not changed. Here recent changes are
/// apart, and only they are copied.
struct SnapshotDictionary<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// Values up to which a copy of all is cheap enough.
    static var fewest: Int { 512 }
    /// The part of the whole that the changes may be. They are copied for each copy that is taken, and when they are too
    /// many, the whole is copied with them: so many values for each change.
    static var part: Int { 8 }

    private var base: [Key: Value] = [:]
    /// Changes to ``base``; nil is removed.
    private var recent: [Key: Value?] = [:]
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    subscript(key: Key) -> Value? {
        if !recent.isEmpty, let change = recent[key] { return change }
        return base[key]
    }

    /// - Returns: what was under the key.
    @discardableResult
    mutating func updateValue(_ value: Value, forKey key: Key) -> Value? {
        let old: Value?
        if base.count < Self.fewest, recent.isEmpty {
            old = base.updateValue(value, forKey: key)
        } else {
            old = self[key]
            recent.updateValue(value, forKey: key)
            mergeIfMany()
        }
        if old == nil { count += 1 }
        return old
    }

    /// - Returns: what was under the key.
    @discardableResult
    mutating func removeValue(forKey key: Key) -> Value? {
        let old: Value?
        if base.count < Self.fewest, recent.isEmpty {
            old = base.removeValue(forKey: key)
        } else {
            old = self[key]
            guard old != nil else { return nil }
            recent.updateValue(nil, forKey: key)
            mergeIfMany()
        }
        if old != nil { count -= 1 }
        return old
    }

    private mutating func mergeIfMany() {
        guard recent.count >= Self.fewest, recent.count >= base.count / Self.part else { return }
        for (key, change) in recent {
            if let value = change {
                base.updateValue(value, forKey: key)
            } else {
                base.removeValue(forKey: key)
            }
        }
        recent = [:]
    }

    /// All values, in no order.
    var values: [Value] {
        guard !recent.isEmpty else { return Array(base.values) }
        var all: [Value] = []
        all.reserveCapacity(count)
        for (key, value) in base where recent.index(forKey: key) == nil { all.append(value) }
        for case let value? in recent.values { all.append(value) }
        return all
    }
}
