import Glibc

/// How long the tests of faults go on. Each of them is short in `make test`; `make soak` sets `STELLAR_SOAK`, the minutes
/// that each random one is to last.
public enum Soak {
    /// nil for the short versions.
    public static var minutes: Int? { getenv("STELLAR_SOAK").flatMap { Int(String(cString: $0)) } }

    /// One of two values: of the short version, or of the long one.
    public static func either<Value>(_ short: Value, long: Value) -> Value { minutes == nil ? short : long }

    /// Where the random numbers of a test begin: another place in each run, told in its output, unless `STELLAR_SEED` says
    /// which, to have a failure again.
    public static func seed(_ what: String) -> UInt64 {
        let wanted = getenv("STELLAR_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = wanted ?? UInt64.random(in: 0...UInt64.max)
        print("\(what) from seed \(seed)")
        return seed
    }

    /// Calls `body` with 1, 2, …: so many times, or for as long as the long version lasts.
    public static func rounds(_ short: Int, _ body: (Int) async throws -> Void) async throws {
        let end = minutes.map { ContinuousClock.now + .seconds(60 * $0) }
        var round = 1
        while end.map({ ContinuousClock.now < $0 }) ?? (round <= short) {
            try await body(round)
            round += 1
        }
    }
}
