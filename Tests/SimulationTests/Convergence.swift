import StellarTestKit
import Testing

extension GossipSimulation {
    /// Fails the test unless all running nodes see each other in time.
    mutating func expectConvergence(sourceLocation: SourceLocation = #_sourceLocation) {
        let isConverged = converges()
        #expect(isConverged, sourceLocation: sourceLocation)
    }
}
