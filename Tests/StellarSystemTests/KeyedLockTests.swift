import StellarTestKit
import Testing

@testable import StellarSystem

@Suite(.timeLimit(.minutes(10)))
struct KeyedLockTests {
    @Test func oneTaskAtATimeHoldsAKey() async throws {
        let lock = KeyedLock<String>()
        let inside = Recorded(0)
        let waited = Recorded(0)
        try await withThrowingTaskGroup { group in
            for number in 0..<200 {
                group.addTask {
                    try await lock.withLock("\(number % 3)", waiting: { waited.update { $0 += 1 } }) {
                        inside.update { $0 += 1 }
                        #expect(inside.value <= 3)
                        await Task.yield()
                        inside.update { $0 -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(inside.value == 0)
    }

    @Test func cancelledTaskStopsWaiting() async throws {
        let lock = KeyedLock<String>()
        try await lock.withLock("key") {
            let (waits, signal) = AsyncStream.makeStream(of: Void.self)
            let task = Task { try await lock.withLock("key", waiting: { _ = signal.yield() }) {} }
            for await _ in waits { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // Another key is free meanwhile.
            try await lock.withLock("other") {}
        }
        try await lock.withLock("key", waiting: { Issue.record("nobody holds it") }) {}
    }

    @Test func uncancelledLockWaitsInACancelledTask() async throws {
        let lock = KeyedLock<Int>()
        let order = Recorded<[String]>([])
        try await lock.withLock(1) {
            let patient = Task {
                await lock.withUncancelledLock(1) {
                    order.update { $0.append("patient, cancelled: \(Task.isCancelled)") }
                }
            }
            patient.cancel()
            // One that can be cancelled, in the same line.
            let impatient = Task { try await lock.withLock(1) { order.update { $0.append("impatient") } } }
            impatient.cancel()
            await #expect(throws: CancellationError.self) { try await impatient.value }
            await lock.withUncancelledLock(2) {}
            order.update { $0.append("first") }
        }
        await lock.withUncancelledLock(1) { order.update { $0.append("last") } }
        try await eventually { order.value.count == 3 ? true : nil }
        #expect(order.value.first == "first")
        #expect(order.value.contains("patient, cancelled: true"))
    }

    @Test func errorReleasesTheKey() async throws {
        struct Wrong: Error {}
        let lock = KeyedLock<String>()
        await #expect(throws: Wrong.self) { try await lock.withLock("key") { throw Wrong() } }
        await #expect(throws: Wrong.self) { try await lock.withUncancelledLock("key") { throw Wrong() } }
        try await lock.withLock("key", waiting: { Issue.record("nobody holds it") }) {}
    }
}
