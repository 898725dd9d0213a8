import StellarCore

/// What to do about one slot, from its desired state, its observed state and the journal.
enum SlotPlan: Sendable, Hashable {
    /// It runs as it should.
    case adopt
    /// Nothing of it is there.
    case bringUp
    /// Its container is there and whole, without a process that lives.
    case restart
    /// What is there may be partial or of an earlier form: remove it, then bring it up.
    case replace
    /// It should not be.
    case remove
    case nothing

    /// - Parameters:
    ///   - wanted: What its container is to be made from; nil where it should not run on this node.
    ///   - observed: Its container, if there is one.
    ///   - isAttached: Its network namespace is there and connected.
    ///   - journal: What was begun and not finished.
    static func plan(
        wanted: SpecificationHash?,
        observed: ObservedContainer?,
        isAttached: Bool,
        journal: SlotOperation?
    ) -> SlotPlan {
        guard let wanted else { return observed == nil && journal == nil && !isAttached ? .nothing : .remove }
        guard let observed else {
            // A namespace without a container is what a crash in the middle of a create leaves; the steps repeat.
            return journal == .replace ? .replace : .bringUp
        }
        guard observed.isMade(from: wanted) else { return .replace }
        let isAlive = observed.task?.isAlive ?? false
        switch journal {
        case .replace?, .delete?: return .replace
        // A process that lives was started after everything else was done.
        case .create?: return isAlive && isAttached ? .adopt : .replace
        case nil: return isAlive ? .adopt : .restart
        }
    }
}

extension ObservedContainer {
    /// Whether it is what would be made now. A container that does not say what it was made from (of an earlier release) is
    /// taken for that: its journal says where it is not.
    func isMade(from wanted: SpecificationHash) -> Bool { specification.map { $0 == wanted } ?? true }
}
