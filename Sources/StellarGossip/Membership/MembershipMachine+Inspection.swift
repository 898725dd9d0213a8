/// What the simulation checks after each step. It is cheap, because a run has millions of steps.
extension MembershipMachine {
    package var ownState: NodeState { slots[ownSlot]?.state ?? .left }

    package var ownIncarnation: UInt32 { slots[ownSlot]?.incarnation ?? 0 }

    /// The incarnation of a known node; nil for an unknown one.
    package func incarnation(of name: String) -> UInt32? { slotOfName[name].flatMap { slots[$0]?.incarnation } }

    /// Bytes of news that wait to be sent.
    package var queuedBytes: Int { queue.byteCount }
}
