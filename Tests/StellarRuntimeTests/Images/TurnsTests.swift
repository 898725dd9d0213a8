import StellarTestKit
import Testing

@testable import StellarRuntime

/// The order in which the layers of one pull take turns.
@Suite(.timeLimit(.minutes(10)))
struct TurnsTests {
    @Test func aLayerWaitsForLowerLayersWithBytes() async throws {
        let order = LayerOrder()
        let events = Recorded<[String]>([])
        try await order.turn(of: 1)
        // No layer is below it, so it does not wait.
        try await order.turn(of: 0)
        try await withThrowingTaskGroup { group in
            let (waits, signal) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                signal.yield()
                try await order.turn(of: 2)
                events.update { $0.append("2") }
                order.rest(2)
            }
            for await _ in waits { break }
            events.update { $0.append("rest 0") }
            order.rest(0)
            events.update { $0.append("rest 1") }
            order.rest(1)
            try await group.waitForAll()
        }
        #expect(events.value == ["rest 0", "rest 1", "2"])
        // A second rest, or one without a turn, has no effect.
        order.rest(1)
        order.rest(7)
        try await order.turn(of: 5)
    }

    @Test func aCancelledLayerDoesNotBlockOthers() async throws {
        let order = LayerOrder()
        try await order.turn(of: 0)
        let task = Task { try await order.turn(of: 1) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        order.rest(1)
        order.rest(0)
        try await order.turn(of: 2)
    }

    /// Random layers with random bytes: each follows the rule, and all end.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func everyLayerEnds(_ seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let order = LayerOrder()
        let busy = Recorded<Set<Int>>([])
        let layers = (0..<4).map { _ in Int.random(in: 1...30, using: &generator) }
        try await withThrowingTaskGroup { group in
            for (number, chunks) in layers.enumerated() {
                group.addTask {
                    for chunk in 0..<chunks {
                        try await order.turn(of: number)
                        busy.update { _ = $0.insert(number) }
                        await Task.yield()
                        if chunk % 3 == 0 {
                            busy.update { _ = $0.remove(number) }
                            order.rest(number)
                            await Task.yield()
                        }
                    }
                    busy.update { _ = $0.remove(number) }
                    order.rest(number)
                }
            }
            try await group.waitForAll()
        }
        #expect(busy.value.isEmpty)
    }

    @Test func containerdsDigestErrorIsReworded() {
        let (a, b) = ("sha256:" + String(repeating: "a", count: 64), "sha256:" + String(repeating: "b", count: 64))
        #expect(
            Ingest.mismatch("unexpected commit digest \(a), expected \(b): failed precondition")
                == "expected \(b), got \(a)"
        )
        #expect(Ingest.mismatch("unexpected commit size 3, expected 4") == "unexpected commit size 3, expected 4")
    }
}
