import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Synchronization

extension ContainerRuntime {
    /// The events of the namespace's containers, see ``RuntimeEvents``.
    public func events() -> RuntimeEvents {
        RuntimeEvents(runtime: self)
    }

    /// Short, so that a restart of containerd is noticed soon; a try is cheap, as the socket is local.
    private static let eventBackoff = (first: Duration.milliseconds(100), last: Duration.seconds(2))
    /// How long to wait for our own marker event before publishing another.
    private static let markerPause = Duration.milliseconds(100)

    /// Subscribes again and again until the task is cancelled.
    func deliverEvents(to mailbox: EventMailbox) async {
        var pause = Self.eventBackoff.first
        while !Task.isCancelled {
            do {
                try await subscribe { event in
                    if event.kind == .resynchronize { pause = Self.eventBackoff.first }
                    mailbox.put(event)
                }
            } catch {
                logger.debug("events interrupted", metadata: ["error": "\(error)", "again in": "\(pause)"])
            }
            try? await ContinuousClock().sleep(for: pause)
            pause = min(pause * 2, Self.eventBackoff.last)
        }
        mailbox.close()
    }

    /// One subscription, until the stream breaks.
    ///
    /// containerd does not report when a subscription takes effect. So this publishes a marker event until it arrives:
    /// from then on no event is missed, and `resynchronize` is delivered.
    private func subscribe(_ deliver: (RuntimeEvent) -> Void) async throws {
        let topic = "/stellar/subscribed-\(UInt64.random(in: 0...UInt64.max))"
        var request = ContainerdEventsSubscribeRequest()
        request.filters = [
            "namespace==\(namespace),topic~=\"^/tasks/\"",
            "namespace==\(namespace),topic==\"/containers/delete\"",
            "topic==\"\(topic)\"",
        ]
        let subscription = request
        try await client.serverStreaming(
            EventsMethod.subscribe,
            subscription,
            returning: ContainerdEventsEnvelope.self,
            options: options(timeout: nil)
        ) { envelopes in
            defer { subscribedVersion.withLock { $0 = nil } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.publishMarker(topic) }
                var isSynchronized = false
                for try await envelope in envelopes {
                    if envelope.topic == topic {
                        guard !isSynchronized else { continue }
                        isSynchronized = true
                        group.cancelAll()
                        deliver(RuntimeEvent(id: "", kind: .resynchronize, time: envelope.timestamp.date))
                        // The events come from the containerd that responds now; otherwise the stream ends at once.
                        let version = try? await requestVersion()
                        subscribedVersion.withLock { $0 = version }
                    } else if isSynchronized, let event = RuntimeEvent(envelope) {
                        deliver(event)
                    }
                }
                group.cancelAll()
            }
        }
    }

    private func publishMarker(_ topic: String) async throws {
        var request = ContainerdEventsPublishRequest()
        request.topic = topic
        request.event.typeURL = "google.protobuf.Empty"
        while !Task.isCancelled {
            let _: Google_Protobuf_Empty = try await call(EventsMethod.publish, request, naming: "events")
            do { try await ContinuousClock().sleep(for: Self.markerPause) } catch { return }
        }
    }
}

extension RuntimeEvent {
    /// The event in an envelope; nil for a topic without an effect here, and for an undecodable payload.
    init?(_ envelope: ContainerdEventsEnvelope) {
        let bytes = envelope.event.value
        switch envelope.topic {
        case "/tasks/start":
            guard let event = try? ContainerdEventTaskStart(serializedBytes: bytes) else { return nil }
            self.init(id: event.containerID, kind: .started(pid: event.pid), time: envelope.timestamp.date)
        case "/tasks/exit":
            guard let event = try? ContainerdEventTaskExit(serializedBytes: bytes) else { return nil }
            // The exit of a `ctr task exec` process is an event too, with another id.
            guard event.id == event.containerID || event.id.isEmpty else { return nil }
            let status = ExitStatus(code: event.exitStatus, exitedAt: event.exitedAt.date)
            self.init(id: event.containerID, kind: .exited(status), time: envelope.timestamp.date)
        case "/tasks/oom":
            guard let event = try? ContainerdEventTaskOOM(serializedBytes: bytes) else { return nil }
            self.init(id: event.containerID, kind: .outOfMemory, time: envelope.timestamp.date)
        case "/tasks/delete":
            guard let event = try? ContainerdEventTaskDelete(serializedBytes: bytes) else { return nil }
            guard event.id == event.containerID || event.id.isEmpty else { return nil }
            self.init(id: event.containerID, kind: .deleted, time: envelope.timestamp.date)
        case "/containers/delete":
            guard let event = try? ContainerdEventContainerDelete(serializedBytes: bytes) else { return nil }
            self.init(id: event.id, kind: .containerDeleted, time: envelope.timestamp.date)
        default:
            return nil
        }
    }
}
