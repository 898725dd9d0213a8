import Logging
import Synchronization

/// The state that all connections of a server share, and their list.
final class ServerShared: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: LoopMailbox<ServerCommand>] = [:]
        var budget: BufferBudget<ObjectIdentifier>
        var isDraining = false
        var emptied: [Eventually<Void>] = []
    }

    let methods: MethodTable
    let configuration: RPCServerConfiguration
    let logger: Logger
    private let state: Mutex<State>

    init(methods: MethodTable, configuration: RPCServerConfiguration, logger: Logger) {
        self.methods = methods
        self.configuration = configuration
        self.logger = logger
        state = Mutex(State(budget: BufferBudget(limit: configuration.limits.maxTotalBufferedBytes)))
    }

    /// - Returns: false if the limit is reached or the server is shutting down.
    func add(_ connection: LoopMailbox<ServerCommand>) -> Bool {
        state.withLock { state in
            guard !state.isDraining, state.connections.count < configuration.limits.maxConnections else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    func remove(_ connection: LoopMailbox<ServerCommand>) {
        let emptied = state.withLock { state -> [Eventually<Void>] in
            state.budget.remove(ObjectIdentifier(connection))
            state.connections[ObjectIdentifier(connection)] = nil
            guard state.connections.isEmpty else { return [] }
            defer { state.emptied = [] }
            return state.emptied
        }
        for waiter in emptied { waiter.set(.success(())) }
    }

    /// Records the buffered bytes of a connection, and sheds the largest one when the total is over the limit.
    func report(_ connection: LoopMailbox<ServerCommand>, holds count: Int) {
        let excessive = state.withLock { state -> LoopMailbox<ServerCommand>? in
            let id = ObjectIdentifier(connection)
            guard state.connections[id] != nil else { return nil }
            return state.budget.report(id, count).flatMap { state.connections[$0] }
        }
        excessive?.send(.shed)
    }

    /// The bytes that all connections have reported.
    var reportedBytes: Int { state.withLock { $0.budget.total } }

    /// Drains all connections, and refuses new ones.
    ///
    /// - Returns: set when the last connection has ended.
    func drain() -> Eventually<Void> {
        let emptied = Eventually<Void>()
        let connections = state.withLock { state in
            state.isDraining = true
            if !state.connections.isEmpty { state.emptied.append(emptied) }
            return Array(state.connections.values)
        }
        if connections.isEmpty { emptied.set(.success(())) }
        for connection in connections { connection.send(.drain) }
        return emptied
    }

    /// Aborts all connections.
    func abort() {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.send(.abort) }
    }
}
