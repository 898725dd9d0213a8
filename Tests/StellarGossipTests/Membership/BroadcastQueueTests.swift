import StellarTestKit
import Testing

@testable import StellarGossip

struct BroadcastQueueTests {
    private func message(_ count: Int, _ byte: UInt8 = 1) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    @Test func leastSentMessagesComeFirstThenTheLongestThatFits() {
        var queue = BroadcastQueue(limit: 10_000)
        queue.insert(message(10), about: "a")
        queue.insert(message(50), about: "b")
        queue.insert(message(30), about: "c")
        #expect(queue.take(overhead: 2, space: 60, transmitLimit: 3).messages.map(\.count) == [50])
        // b was sent once: the two others come before it, and it does not fit beside them.
        #expect(queue.take(overhead: 2, space: 60, transmitLimit: 3).messages.map(\.count) == [30, 10])
        #expect(queue.take(overhead: 2, space: 12, transmitLimit: 3).messages.map(\.count) == [10])
    }

    @Test func eachMessageIsSentAsOftenAsTheLimitSays() {
        var queue = BroadcastQueue(limit: 10_000)
        queue.insert(message(10), about: "a")
        #expect(queue.take(overhead: 0, space: 100, transmitLimit: 2).finished == [])
        #expect(queue.take(overhead: 0, space: 100, transmitLimit: 2).finished == ["a"])
        #expect(queue.isEmpty && queue.byteCount == 0)
        #expect(queue.take(overhead: 0, space: 100, transmitLimit: 2).messages.isEmpty)
    }

    @Test func newerMessageReplacesTheOlderOne() {
        var queue = BroadcastQueue(limit: 10_000)
        queue.insert(message(10, 1), about: "a")
        _ = queue.take(overhead: 0, space: 100, transmitLimit: 5)
        queue.insert(message(20, 2), about: "a")
        #expect(queue.count == 1 && queue.byteCount == 20)
        #expect(queue.take(overhead: 0, space: 100, transmitLimit: 5).messages == [message(20, 2)])
    }

    @Test func fullQueueDropsTheMostSentMessage() {
        var queue = BroadcastQueue(limit: 100)
        queue.insert(message(40), about: "known")
        _ = queue.take(overhead: 0, space: 40, transmitLimit: 5)
        queue.insert(message(40), about: "b")
        queue.insert(message(40), about: "c")
        #expect(queue.count == 2 && queue.byteCount == 80 && queue.dropped == 1)
        #expect(!queue.contains(subject: "known"))
    }

    /// Compares the queue with a model without tiers and bisection.
    @Test func queueMatchesASimpleModel() {
        struct Entry {
            var subject: String
            var bytes: [UInt8]
            var transmits: Int
            var id: Int
        }
        var random = SplitMix64(seed: 8)
        var queue = BroadcastQueue(limit: .max)
        var model: [Entry] = []
        for id in 0..<3000 {
            if Bool.random(using: &random) {
                let subject = "s\(Int.random(in: 0..<40, using: &random))"
                let bytes = message(Int.random(in: 1...60, using: &random), UInt8(id & 255))
                queue.insert(bytes, about: subject)
                model.removeAll { $0.subject == subject }
                model.append(Entry(subject: subject, bytes: bytes, transmits: 0, id: id))
            } else {
                var space = Int.random(in: 0...200, using: &random)
                let taken = queue.take(overhead: 2, space: space, transmitLimit: 4)
                var expected: [[UInt8]] = []
                var sent: Set<Int> = []
                for tier in 0..<4 {
                    while let best = model.filter({
                        $0.transmits == tier && !sent.contains($0.id) && $0.bytes.count + 2 <= space
                    }).max(by: { ($0.bytes.count, $0.id) < ($1.bytes.count, $1.id) }) {
                        expected.append(best.bytes)
                        sent.insert(best.id)
                        space -= best.bytes.count + 2
                    }
                }
                #expect(taken.messages == expected)
                for index in model.indices where sent.contains(model[index].id) { model[index].transmits += 1 }
                model.removeAll { $0.transmits >= 4 }
            }
            #expect(queue.count == model.count && queue.byteCount == model.reduce(0) { $0 + $1.bytes.count })
        }
    }
}
