import Testing

@testable import StellarGossip

/// The formulas give the values of memberlist.
struct FormulasTests {
    @Test(arguments: [(1, 4), (9, 4), (10, 8), (99, 8), (100, 12), (999, 12)])
    func retransmissionsGrowWithTheLogarithm(nodes: Int, limit: Int) {
        #expect(Formulas.retransmitLimit(multiplier: 4, nodes: nodes) == limit)
    }

    @Test(arguments: [(1, 3000), (5, 3000), (10, 3000), (50, 5094), (100, 6000), (500, 8094), (1000, 9000)])
    func suspicionGrowsWithTheLogarithm(nodes: Int, milliseconds: Int) {
        let timeout = Formulas.suspicionTimeout(multiplier: 3, nodes: nodes, interval: .seconds(1))
        #expect(abs((timeout - .milliseconds(milliseconds)).nanoseconds) < 3_000_000)
    }

    @Test(arguments: [(1, 30), (32, 30), (33, 60), (64, 60), (65, 90), (128, 90)])
    func pushPullsGetRarerAbove32(nodes: Int, seconds: Int) {
        #expect(Formulas.pushPullInterval(.seconds(30), nodes: nodes) == .seconds(seconds))
    }

    @Test(arguments: [(0, 3, 30_000), (1, 3, 16_000), (2, 3, 7810), (3, 3, 2000), (4, 3, 2000), (0, 0, 2000)])
    func confirmationsShortenASuspicion(confirmations: Int, expected: Int, milliseconds: Int) {
        let duration = Formulas.suspicionDuration(
            confirmations: confirmations,
            expected: expected,
            minimum: .seconds(2),
            maximum: .seconds(30)
        )
        #expect(duration == .milliseconds(milliseconds))
    }

    @Test func awarenessStaysWithinItsBounds() {
        var awareness = Awareness(maximum: 8)
        awareness.apply(-3)
        #expect(awareness.score == 0)
        awareness.apply(100)
        #expect(awareness.score == 7)
        #expect(awareness.scale(.seconds(1)) == .seconds(8))
    }
}
