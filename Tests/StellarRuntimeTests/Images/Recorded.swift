import Synchronization

/// What callbacks of any thread have noted.
final class Recorded<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) {
        state = Mutex(value)
    }

    var value: Value { state.withLock { $0 } }

    func update(_ change: @Sendable (inout Value) -> Void) {
        state.withLock { value in change(&value) }
    }

    /// Puts another value in the place of the one that is returned.
    func take(_ other: Value) -> Value {
        state.withLock { value in
            defer { value = other }
            return value
        }
    }
}
