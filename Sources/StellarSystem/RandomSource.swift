/// A source of random numbers. A simulation gives its own, which depends on a seed alone.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private let draw: @Sendable () -> UInt64

    /// The system's.
    package static let system = RandomSource {
        var random = SystemRandomNumberGenerator()
        return random.next()
    }

    /// - Parameter draw: returns the next number, of 64 random bits.
    package init(_ draw: @escaping @Sendable () -> UInt64) {
        self.draw = draw
    }

    package mutating func next() -> UInt64 { draw() }
}
