import StellarCore

/// What it takes for one node to go from an app as it was to the app as it should be.
struct AppChange: Sendable, Hashable {
    /// No longer there.
    var removed: [ContainerID] = []
    /// There before and after, but its container must be another.
    var changed: [Slot] = []
    var added: [Slot] = []
    /// The container is what it should be; whether it runs is another matter.
    var kept: [Slot] = []

    init(from old: DesiredApp?, to new: DesiredApp?, node: String) {
        let before = Dictionary(
            (old?.slots(on: node) ?? []).map { ($0.id, $0.service) },
            uniquingKeysWith: { first, _ in first }
        )
        let after = new?.slots(on: node) ?? []
        for slot in after {
            if let service = before[slot.id] {
                if SpecificationHash(of: service) == SpecificationHash(of: slot.service) {
                    kept.append(slot)
                } else {
                    changed.append(slot)
                }
            } else {
                added.append(slot)
            }
        }
        removed = before.keys.filter { id in !after.contains { $0.id == id } }.sorted()
    }
}
