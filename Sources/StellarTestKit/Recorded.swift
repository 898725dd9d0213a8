import Synchronization

/// What callbacks of any thread have noted.
public final class Recorded<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    public init(_ value: Value) {
        state = Mutex(value)
    }

    public var value: Value { state.withLock { $0 } }

    public func update(_ change: @Sendable (inout Value) -> Void) {
        state.withLock { value in change(&value) }
    }

    /// Puts another value in the place of the one that is returned.
    public func take(_ other: Value) -> Value {
        state.withLock { value in
            defer { value = other }
            return value
        }
    }
}
