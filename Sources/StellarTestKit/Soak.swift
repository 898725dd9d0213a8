import Glibc

/// How long the tests of faults go on. Each of them is short in `make test`; `make soak` sets `STELLAR_SOAK`, the minutes
/// that each random one is to last.
public enum Soak {
    /// nil for the short versions.
    public static var minutes: Int? { getenv("STELLAR_SOAK").flatMap { Int(String(cString: $0)) } }

    /// One of two values: of the short version, or of the long one.
    public static func either<Value>(_ short: Value, long: Value) -> Value { minutes == nil ? short : long }

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
