import NIOCore
import StellarRPC
import StellarTestKit
import Testing

@Suite struct ConnectionMachineTests {
    @Test func backoffGrowsWithinItsBounds() {
        var backoff = RPCBackoff()
        backoff.initial = .milliseconds(100)
        backoff.maximum = .seconds(1)
        backoff.multiplier = 2
        var machine = ConnectivityMachine(backoff: backoff, generator: SplitMix64(seed: 1))
        let error = RPCError(.unavailable, "no")
        for expected in [100, 200, 400, 800, 1000, 1000, 1000] {
            #expect(machine.callQueued() == [.connect])
            let effects = machine.connectFailed(error)
            guard case .wake(let delay)? = effects.last else {
                Issue.record("no wake-up")
                return
            }
            #expect(effects.first == .failQueued(error))
            #expect(delay >= .milliseconds(expected) * 0.8 && delay <= .milliseconds(expected) * 1.2)
            // A call in the meantime fails with the reason, or waits.
            #expect(machine.callQueued() == [.failNewest(error)])
            #expect(machine.woke(hasQueued: false) == [])
        }
        #expect(machine.callQueued() == [.connect])
        #expect(machine.connected() == [.startQueued])
        machine.served()
        #expect(machine.lost(hasQueued: true, wasUseful: true, error) == [.connect])
        // Success resets the count of failures.
        guard case .wake(let delay)? = machine.connectFailed(error).last else {
            Issue.record("no wake-up")
            return
        }
        #expect(delay <= .milliseconds(120))
        #expect(machine.woke(hasQueued: true) == [.connect])
    }

    /// The client backs off from a server that ends each connection before a call succeeds.
    @Test func uselessConnectionsBackOff() {
        var machine = ConnectivityMachine(backoff: RPCBackoff(), generator: SplitMix64(seed: 1))
        let error = RPCError(.unavailable, "going away")
        #expect(machine.callQueued() == [.connect])
        #expect(machine.connected() == [.startQueued])
        #expect(machine.lost(hasQueued: true, wasUseful: false, error) == [.connect])
        #expect(machine.connected() == [.startQueued])
        guard case .wake(let first)? = machine.lost(hasQueued: true, wasUseful: false, error).first else {
            Issue.record("no back-off")
            return
        }
        #expect(machine.callQueued() == [.failNewest(error)])
        #expect(machine.woke(hasQueued: true) == [.connect])
        #expect(machine.connected() == [.startQueued])
        guard case .wake(let second)? = machine.lost(hasQueued: true, wasUseful: false, error).first else {
            Issue.record("no back-off")
            return
        }
        #expect(second > first)
    }

    @Test func closed() {
        var machine = ConnectivityMachine(backoff: RPCBackoff(), generator: SplitMix64(seed: 1))
        #expect(machine.close().count == 1)
        #expect(machine.close() == [])
        guard case .failAll(let error)? = machine.callQueued().first else {
            Issue.record("the call was not failed")
            return
        }
        #expect(error.code == .unavailable)
        #expect(machine.connected() == [])
        #expect(machine.lost(hasQueued: true, wasUseful: true, error) == [])
    }

    @Test func keepalive() {
        let start = NIODeadline.uptimeNanoseconds(0)
        var machine = KeepaliveMachine(.init(interval: .seconds(10), timeout: .seconds(3)), now: start)
        #expect(machine.tick(hasCalls: true, now: start + .seconds(4)) == [.wake(at: start + .seconds(10))])
        machine.bytesReceived(now: start + .seconds(5))
        #expect(machine.tick(hasCalls: true, now: start + .seconds(10)) == [.wake(at: start + .seconds(15))])
        #expect(machine.tick(hasCalls: false, now: start + .seconds(15)) == [.wake(at: start + .seconds(25))])
        #expect(
            machine.tick(hasCalls: true, now: start + .seconds(15)) == [.sendPing, .wake(at: start + .seconds(18))]
        )
        #expect(machine.tick(hasCalls: true, now: start + .seconds(17)) == [.wake(at: start + .seconds(18))])
        #expect(machine.tick(hasCalls: true, now: start + .seconds(18)) == [.giveUp])
        machine.bytesReceived(now: start + .seconds(18))
        #expect(machine.tick(hasCalls: true, now: start + .seconds(18)) == [.wake(at: start + .seconds(28))])
    }

    /// A long timeout does not delay the next pings.
    @Test func keepaliveWithALongTimeout() {
        let start = NIODeadline.uptimeNanoseconds(0)
        var machine = KeepaliveMachine(.init(interval: .seconds(1), timeout: .seconds(60)), now: start)
        #expect(machine.tick(hasCalls: true, now: start + .seconds(1)) == [.sendPing, .wake(at: start + .seconds(2))])
        #expect(machine.tick(hasCalls: true, now: start + .seconds(2)) == [.wake(at: start + .seconds(3))])
        machine.bytesReceived(now: start + .seconds(2))
        #expect(machine.tick(hasCalls: true, now: start + .seconds(3)) == [.sendPing, .wake(at: start + .seconds(4))])
    }

    @Test(arguments: [
        HTTP2Event.reset(1, .cancel), .ping, .settings(maxConcurrentStreams: 1), .idleFrame, .streamError(1),
        .headersTooLarge(stream: 1),
    ]) func floodsAreCounted(event: HTTP2Event) {
        var limits = RPCServerLimits()
        limits.maxResets = 5
        limits.maxPings = 5
        limits.maxSettings = 5
        limits.maxIdleFrames = 5
        limits.maxStreamErrors = 5
        limits.window = .seconds(10)
        var machine = ConnectionGuard(limits: limits)
        let start = NIODeadline.uptimeNanoseconds(0)
        for _ in 0..<5 { #expect(machine.record(event, now: start + .seconds(1)) == nil) }
        #expect(machine.record(event, now: start + .seconds(2)) != nil)
        // The next span starts at zero.
        #expect(machine.record(event, now: start + .seconds(11)) == nil)
        #expect(machine.record(.endStream(1), now: start) == nil)
    }
}
