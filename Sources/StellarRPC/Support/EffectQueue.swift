/// What a machine wants done, in order. Its driver takes one at a time and may feed the machine in between; the memory is
/// kept from one batch to the next.
struct EffectQueue<Effect> {
    private var effects: [Effect] = []
    private var taken = 0

    mutating func append(_ effect: Effect) {
        effects.append(effect)
    }

    mutating func next() -> Effect? {
        guard taken < effects.count else {
            effects.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        defer { taken += 1 }
        return effects[taken]
    }
}
