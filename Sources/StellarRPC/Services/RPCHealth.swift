import NIOCore
internal import Synchronization

/// The standard health service, `grpc.health.v1.Health`, for load balancers and probes (github.com/grpc/grpc,
/// doc/health-checking.md).
///
/// The empty name stands for the server as a whole and serves from the start.
public final class RPCHealth: Sendable {
    /// Whether a service does its work.
    public enum Status: Int32, Sendable, Hashable {
        case unknown = 0
        case serving = 1
        case notServing = 2

        /// Only told to watchers, of a name that nobody has set.
        case serviceUnknown = 3
    }

    private struct State {
        var statuses: [String: Status] = ["": .serving]
        var watchers: [UInt64: (service: String, stream: AsyncStream<Status>.Continuation)] = [:]
        var nextWatcher: UInt64 = 0
        var isShutDown = false
    }

    private let state = Mutex(State())

    public init() {}

    /// Sets what `Check` answers and tells those who watch. After ``shutdown()`` it has no effect.
    public func set(_ status: Status, for service: String = "") {
        state.withLock { state in
            guard !state.isShutDown, state.statuses[service] != status else { return }
            state.statuses[service] = status
            for watcher in state.watchers.values where watcher.service == service { watcher.stream.yield(status) }
        }
    }

    /// What was last set, `nil` for a name nobody has set.
    public func status(of service: String = "") -> Status? {
        state.withLock { $0.statuses[service] }
    }

    /// Every service stops serving, for good, and watching ends, so that no watcher holds up a graceful shutdown.
    public func shutdown() {
        state.withLock { state in
            state.isShutDown = true
            for service in state.statuses.keys { state.statuses[service] = .notServing }
            for watcher in state.watchers.values {
                if state.statuses[watcher.service] != nil { watcher.stream.yield(.notServing) }
                watcher.stream.finish()
            }
            state.watchers = [:]
        }
    }

    /// For ``RPCServer``.
    public var service: RPCService {
        RPCService(
            name: "grpc.health.v1.Health",
            methods: [
                .unary(bytes: "Check") { [self] request, _ in
                    let name = try Self.serviceName(in: request)
                    guard let status = status(of: name) else {
                        throw RPCError(.notFound, "health of service \"\(name)\" is not known here")
                    }
                    return Self.response(status)
                },
                .serverStreaming(bytes: "Watch") { [self] request, call in
                    let (id, statuses) = watch(try Self.serviceName(in: request))
                    defer { unwatch(id) }
                    for await status in statuses { try await call.send(Self.response(status)) }
                    try Task.checkCancellation()
                },
            ]
        )
    }

    /// Only the newest status waits for a slow watcher.
    private func watch(_ service: String) -> (UInt64, AsyncStream<Status>) {
        let (stream, continuation) = AsyncStream.makeStream(of: Status.self, bufferingPolicy: .bufferingNewest(1))
        return state.withLock { state in
            let id = state.nextWatcher
            state.nextWatcher += 1
            continuation.yield(state.statuses[service] ?? .serviceUnknown)
            if state.isShutDown {
                continuation.finish()
            } else {
                state.watchers[id] = (service, continuation)
            }
            return (id, stream)
        }
    }

    private func unwatch(_ id: UInt64) {
        state.withLock { state in
            state.watchers.removeValue(forKey: id)?.stream.finish()
        }
    }

    // HealthCheckRequest { string service = 1 }, HealthCheckResponse { ServingStatus status = 1 }

    static func serviceName(in request: ByteBuffer) throws(RPCError) -> String {
        do throws(ProtobufReader.Malformed) {
            var reader = ProtobufReader(request)
            var service = ""
            while let field = try reader.next() {
                if field.number == 1 { service = try field.string() }
            }
            return service
        } catch {
            throw RPCError(.invalidArgument, "the request is not a HealthCheckRequest: \(error)")
        }
    }

    static func response(_ status: Status) -> ByteBuffer {
        var writer = ProtobufWriter()
        writer.write(status.rawValue, field: 1)
        return writer.message
    }
}
