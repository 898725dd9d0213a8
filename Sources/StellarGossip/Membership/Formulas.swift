#if canImport(Glibc)
import Glibc
#endif

/// The formulas that make the protocol scale with the number of nodes, as memberlist has them (`util.go`).
public enum Formulas {
    /// How often each node sends one message: `multiplier × ⌈log10(n + 1)⌉`.
    public static func retransmitLimit(multiplier: Int, nodes: Int) -> Int {
        multiplier * Int(log10(Double(nodes + 1)).rounded(.up))
    }

    /// The shortest suspicion: `multiplier × max(1, log10 n) × interval`.
    public static func suspicionTimeout(multiplier: Int, nodes: Int, interval: Duration) -> Duration {
        let scale = max(1, log10(max(1, Double(nodes))))
        // Three decimals, as memberlist computes it.
        return interval * (Double(multiplier) * (scale * 1000).rounded(.down) / 1000)
    }

    /// The time between push/pulls: one interval more for each doubling of n begun above 32.
    public static func pushPullInterval(_ interval: Duration, nodes: Int) -> Duration {
        guard nodes > 32 else { return interval }
        return interval * (Int((log2(Double(nodes)) - log2(32)).rounded(.up)) + 1)
    }

    /// How long a suspicion lasts from its start, after `confirmations` of at most `expected` others (Lifeguard section
    /// IV.B). It falls from `maximum` to `minimum`, and the first confirmations shorten it most.
    public static func suspicionDuration(
        confirmations: Int,
        expected: Int,
        minimum: Duration,
        maximum: Duration
    ) -> Duration {
        guard expected > 0 else { return minimum }
        let fraction = log(Double(confirmations + 1)) / log(Double(expected + 1))
        let seconds = maximum.inSeconds - fraction * (maximum.inSeconds - minimum.inSeconds)
        let milliseconds = (seconds * 1000).rounded(.down)
        return max(minimum, .milliseconds(Int64(milliseconds)))
    }
}
