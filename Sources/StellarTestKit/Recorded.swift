import Synchronization

/// A value that callbacks of any thread update.
public final class Recorded<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    public init(_ value: Value) {
        state = Mutex(value)
    }

    public var value: Value { state.withLock { $0 } }

    public func update(_ change: @Sendable (inout Value) -> Void) {
        state.withLock { value in change(&value) }
    }

    /// Replaces the value, and returns the old one.
    public func take(_ other: Value) -> Value {
        state.withLock { value in
            defer { value = other }
            return value
        }
    }
}
