/// Which of two incarnations is the later one, in the serial number arithmetic of RFC 1982: after 2³² - 1 comes 1.
///
/// memberlist compares them as plain numbers, so one forged claim of the highest incarnation is final: the accused has
/// nothing higher to object with. Here each has a successor, and an accused node always has the last word. Nodes of both
/// kinds agree as long as nobody forges: incarnations begin at 1, and 2³¹ objections take longer than any cluster lives.
enum Incarnation {
    private static let half: UInt32 = 1 << 31

    static func isLater(_ one: UInt32, than other: UInt32) -> Bool {
        let distance = one &- other
        // Half-way around, RFC 1982 leaves it open; one of the two must be the later, or both sides would wait.
        return distance != 0 && (distance < half || distance == half && one < other)
    }

    /// The next one. Zero is none: a stock peer takes no claim of it.
    static func after(_ incarnation: UInt32) -> UInt32 {
        incarnation == .max ? 1 : incarnation + 1
    }
}
