/// What the simulation looks at after each step: cheap, as there are millions of them.
extension MembershipMachine {
    package var ownState: NodeState { slots[ownSlot]?.state ?? .left }

    package var ownIncarnation: UInt32 { slots[ownSlot]?.incarnation ?? 0 }

    /// Of what is known of a node; nil where nothing is.
    package func incarnation(of name: String) -> UInt32? { slotOfName[name].flatMap { slots[$0]?.incarnation } }

    /// Bytes of news that wait to be passed on.
    package var queuedBytes: Int { queue.byteCount }
}
