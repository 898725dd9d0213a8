import FoundationEssentials
import StellarRPC
import StellarTestKit
import SwiftProtobuf
import Synchronization
import Testing

@testable import StellarRuntime

struct EventMailboxTests {
    private func event(_ number: Int) -> RuntimeEvent {
        RuntimeEvent(id: "\(number)", kind: .outOfMemory, time: Date(timeIntervalSince1970: 0))
    }

    @Test func keepsTheOrder() async {
        let mailbox = EventMailbox()
        for number in 0..<3 { mailbox.put(event(number)) }
        for number in 0..<3 { #expect(await mailbox.next()?.id == "\(number)") }
        mailbox.close()
        #expect(await mailbox.next() == nil)
    }

    @Test func aSlowReaderGetsAResynchronize() async {
        let mailbox = EventMailbox()
        for number in 0...EventMailbox.limit { mailbox.put(event(number)) }
        mailbox.put(event(7))
        #expect(await mailbox.next()?.kind == .resynchronize)
        #expect(await mailbox.next()?.id == "7")
    }

    @Test func cancellationEndsTheWait() async {
        let mailbox = EventMailbox()
        let reader = Task { await mailbox.next() }
        reader.cancel()
        #expect(await reader.value == nil)
    }
}

struct RuntimeEventTests {
    private func envelope(_ topic: String, _ message: some Message) throws -> ContainerdEventsEnvelope {
        var envelope = ContainerdEventsEnvelope()
        envelope.topic = topic
        envelope.event.value = try message.serializedData()
        return envelope
    }

    @Test func exitsOfExtraProcessesAreIgnored() throws {
        var exit = ContainerdEventTaskExit()
        exit.containerID = "a"
        exit.id = "a"
        exit.exitStatus = 3
        let event = try #require(RuntimeEvent(envelope("/tasks/exit", exit)))
        #expect(event.id == "a")
        let status = ExitStatus(code: 3, exitedAt: Date(timeIntervalSince1970: 0))
        #expect(event.kind == .exited(status))
        exit.id = "exec-1"
        #expect(try RuntimeEvent(envelope("/tasks/exit", exit)) == nil)
    }

    @Test func undecodableEventsAreSkipped() {
        var envelope = ContainerdEventsEnvelope()
        envelope.topic = "/tasks/start"
        envelope.event.value = Data([0xFF, 0xFF])
        #expect(RuntimeEvent(envelope) == nil)
        envelope.topic = "/images/create"
        #expect(RuntimeEvent(envelope) == nil)
    }
}

@Suite(.requires(.root, .containerd, .busybox), .serialized, .timeLimit(.minutes(10)))
struct RuntimeEventsTests {
    @Test func eventsContinueAfterARestartOfContainerd() async throws {
        try await Workshop.with { shop in
            let events = shop.runtime.events().makeAsyncIterator()
            #expect(await events.next()?.kind == .resynchronize)
            try await shop.runtime.create(shop.specification("e.a.0", "exit 7"))
            let pid = try await shop.runtime.start("e.a.0", log: shop.log("e.a.0"))
            #expect(await events.next()?.kind == .started(pid: pid))
            guard case .exited(let status)? = await events.next()?.kind else {
                Issue.record("no exit")
                return
            }
            #expect(status.code == 7)
            try await shop.runtime.delete("e.a.0")
            #expect(await events.next()?.kind == .deleted)
            #expect(await events.next()?.kind == .containerDeleted)

            // While events are read, the version is cached until containerd ends.
            let version = try await shop.runtime.requestVersion()
            try await eventually("the version is cached") { shop.runtime.subscribedVersion.withLock { $0 } }
            #expect(try await shop.runtime.version() == version)
            await shop.containerd.stop(crash: true)
            try await eventually("the cached version is dropped") {
                shop.runtime.subscribedVersion.withLock { $0 } == nil ? true : nil
            }
            await #expect(throws: RPCError.self) { try await shop.runtime.version() }
            try await shop.containerd.start()
            #expect(await events.next()?.kind == .resynchronize)
            try await shop.runtime.create(shop.specification("e.b.0", "true"))
            try await shop.runtime.start("e.b.0", log: shop.log("e.b.0"))
            var next = await events.next()
            // A containerd that is just starting may end the first subscription.
            while next?.kind == .resynchronize { next = await events.next() }
            #expect(next?.id == "e.b.0")
        }
    }
}
