import StellarTestKit
import Testing

extension GossipSimulation {
    /// All that run must see each other in time.
    mutating func mustSettle(sourceLocation: SourceLocation = #_sourceLocation) {
        let isSettled = settles()
        #expect(isSettled, sourceLocation: sourceLocation)
    }
}
