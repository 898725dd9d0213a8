/// Work that says how far it is, beside a reader of any speed.
enum ProgressRelay {
    /// More lines than a slow reader takes are dropped, oldest first; the outcome always arrives.
    static let maximumLines = 1024

    /// Runs `work`, and sends what it says while it says it.
    ///
    /// - Parameter heartbeat: What is sent besides, at once and then so often, that the reader knows that there is somebody.
    static func run<Line: Sendable, Outcome: Sendable>(
        _ work: @escaping @Sendable (@escaping @Sendable (Line) -> Void) async throws -> Outcome,
        heartbeat: (line: Line, every: Duration)? = nil,
        to send: (Line) async throws -> Void
    ) async throws -> Outcome {
        let (lines, continuation) = AsyncStream.makeStream(
            of: Line.self,
            bufferingPolicy: .bufferingNewest(maximumLines)
        )
        async let outcome: Outcome = {
            defer { continuation.finish() }
            return try await work { continuation.yield($0) }
        }()
        async let _: Void = {
            guard let heartbeat else { return }
            repeat { continuation.yield(heartbeat.line) } while (try? await Task.sleep(for: heartbeat.every)) != nil
        }()
        for await line in lines { try await send(line) }
        return try await outcome
    }
}
