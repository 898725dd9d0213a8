/// What to do about one slot, from what should be, what is, and what was begun.
enum SlotPlan: Sendable, Hashable {
    /// It runs as it should.
    case adopt
    /// Nothing of it is there.
    case bringUp
    /// Its container is there and whole, without a process that lives.
    case restart
    /// What is there may be partial or of an earlier form: away with it, then bring it up.
    case replace
    /// It should not be.
    case remove
    case nothing

    /// - Parameters:
    ///   - isDesired: It should run on this node.
    ///   - observed: Its container, if there is one.
    ///   - isAttached: Its network namespace is there and connected.
    ///   - journal: What was begun and not finished.
    static func plan(
        isDesired: Bool,
        observed: ObservedContainer?,
        isAttached: Bool,
        journal: SlotOperation?
    ) -> SlotPlan {
        guard isDesired else { return observed == nil && journal == nil && !isAttached ? .nothing : .remove }
        guard let observed else {
            // A namespace without a container is what a crash in the middle of a create leaves; the steps repeat.
            return journal == .replace ? .replace : .bringUp
        }
        let isAlive = observed.task?.isAlive ?? false
        switch journal {
        case .replace?, .delete?: return .replace
        // A process that lives was started after everything else was done.
        case .create?: return isAlive && isAttached ? .adopt : .replace
        case nil: return isAlive ? .adopt : .restart
        }
    }
}
