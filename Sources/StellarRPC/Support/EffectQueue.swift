/// The effects of a machine, in order. The driver takes one at a time and may feed the machine in between. The memory is kept
/// between batches.
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
