/// The seeds of simulated runs.
public enum SimulationSeeds {
    /// Seeds and ranges of seeds: `7`, `1-64`, `1-64,100`. nil for any other text.
    public static func parse(_ text: String) -> [UInt64]? {
        var seeds: [UInt64] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").map { UInt64($0) }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else {
                return nil
            }
            seeds += first...last
        }
        return seeds
    }

    /// New seeds, so that each run covers new scenarios.
    public static func fresh(_ count: Int = 64) -> [UInt64] {
        var random = SystemRandomNumberGenerator()
        return (0..<count).map { _ in random.next() >> 32 }
    }

    /// The same for a test, which prints them: a crash would leave no trace of its seed.
    public static func printed(for test: String) -> [UInt64] {
        let seeds = fresh()
        print("\(test): fresh seeds \(seeds.map(String.init).joined(separator: ","))")
        return seeds
    }
}
