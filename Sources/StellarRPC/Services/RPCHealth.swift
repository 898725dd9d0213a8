import NIOCore
internal import Synchronization

/// The standard health service, `grpc.health.v1.Health`, for load balancers and probes (github.com/grpc/grpc,
/// doc/health-checking.md).
///
/// The empty name stands for the server as a whole and serves from the start.
public final class RPCHealth: Sendable {
    /// The health of a service.
    public enum Status: Int32, Sendable, Hashable {
        case unknown = 0
        case serving = 1
        case notServing = 2

        /// Sent to watchers of a name without a status.
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

    /// Sets the status of a service and sends it to its watchers. No effect after ``shutdown()``.
    public func set(_ status: Status, for service: String = "") {
        state.withLock { state in
            guard !state.isShutDown, state.statuses[service] != status else { return }
            state.statuses[service] = status
            for watcher in state.watchers.values where watcher.service == service { watcher.stream.yield(status) }
        }
    }

    /// The status of a service; `nil` for a name without one.
    public func status(of service: String = "") -> Status? {
        state.withLock { $0.statuses[service] }
    }

    /// Sets every service to not serving, for good, and ends all watches, which would delay a graceful shutdown.
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

    /// The service for ``RPCServer``.
    public var service: RPCService {
        RPCService(
            name: "grpc.health.v1.Health",
            methods: [
                .unary(bytes: "Check") { [self] request, _ in
                    let name = try Self.serviceName(in: request)
                    guard let status = status(of: name) else {
                        throw RPCError(.notFound, "the health of service \"\(name)\" is unknown")
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

    /// A slow watcher gets the newest status only.
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
