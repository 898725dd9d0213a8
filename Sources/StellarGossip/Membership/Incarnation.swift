/// Compares incarnations in the serial number arithmetic of RFC 1982: after 2³² - 1 comes 1.
///
/// memberlist compares them as plain numbers, so one forged message with the highest incarnation is final: the accused
/// node has no higher one to refute it with. Here each incarnation has a successor, so a node can always refute. Nodes
/// of both kinds agree unless somebody forges: incarnations start at 1, and 2³¹ refutations take longer than any
/// cluster lives.
enum Incarnation {
    private static let half: UInt32 = 1 << 31

    static func isLater(_ one: UInt32, than other: UInt32) -> Bool {
        let distance = one &- other
        // RFC 1982 leaves the order of two numbers half-way around open. One must be later, or both sides would wait.
        return distance != 0 && (distance < half || distance == half && one < other)
    }

    /// The next incarnation. It is never zero, because a memberlist peer ignores an alive message with incarnation
    /// zero.
    static func after(_ incarnation: UInt32) -> UInt32 {
        incarnation == .max ? 1 : incarnation + 1
    }
}
