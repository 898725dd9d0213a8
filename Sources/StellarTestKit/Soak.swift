import Glibc

/// The length of fault tests. Each has a short form for `make test`. `make soak` sets `STELLAR_SOAK`, the minutes that each
/// random test runs, and so selects the long form.
public enum Soak {
    /// The minutes for each random test; nil for the short form.
    public static var minutes: Int? { getenv("STELLAR_SOAK").flatMap { Int(String(cString: $0)) } }

    /// Chooses the value of the short form or of the long form.
    public static func either<Value>(_ short: Value, long: Value) -> Value { minutes == nil ? short : long }

    /// The seed of a test: a new one in each run, which is printed, or `STELLAR_SEED`, to reproduce a failure.
    public static func seed(_ what: String) -> UInt64 {
        let wanted = getenv("STELLAR_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = wanted ?? UInt64.random(in: 0...UInt64.max)
        print("\(what): seed \(seed)")
        return seed
    }

    /// Calls `body` with 1, 2, …: `short` times, or in the long form until its minutes are over.
    public static func rounds(_ short: Int, _ body: (Int) async throws -> Void) async throws {
        let end = minutes.map { ContinuousClock.now + .seconds(60 * $0) }
        var round = 1
        while end.map({ ContinuousClock.now < $0 }) ?? (round <= short) {
            try await body(round)
            round += 1
        }
    }
}
