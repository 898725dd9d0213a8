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
        var machine = ConnectivityMachine(backoff: backoff)
        var random = SplitMix64(seed: 1)
        let error = RPCError(.unavailable, "no")
        for expected in [100, 200, 400, 800, 1000, 1000, 1000] {
            #expect(machine.callQueued() == [.connect])
            let effects = machine.connectFailed(error, using: &random)
            guard case .wake(let delay)? = effects.last else {
                Issue.record("no wake-up")
                return
            }
            #expect(effects.first == .failQueued(error))
            #expect(delay >= .milliseconds(expected) * 0.8 && delay <= .milliseconds(expected) * 1.2)
            // A call in the meantime fails with the reason, or waits.
            #expect(machine.callQueued() == [.failQueued(error)])
            #expect(machine.woke(hasQueued: false) == [])
        }
        #expect(machine.callQueued() == [.connect])
        #expect(machine.connected() == [.startQueued])
        #expect(machine.lost(hasQueued: true) == [.connect])
        // Success forgets the failures before it.
        guard case .wake(let delay)? = machine.connectFailed(error, using: &random).last else { return }
        #expect(delay <= .milliseconds(120))
        #expect(machine.woke(hasQueued: true) == [.connect])
    }

    @Test func closed() {
        var machine = ConnectivityMachine(backoff: RPCBackoff())
        #expect(machine.close().count == 1)
        #expect(machine.close() == [])
        guard case .failAll(let error)? = machine.callQueued().first else {
            Issue.record("the call was not failed")
            return
        }
        #expect(error.code == .unavailable)
        #expect(machine.connected() == [])
        #expect(machine.lost(hasQueued: true) == [])
    }

    @Test func keepalive() {
        let start = NIODeadline.uptimeNanoseconds(0)
        var machine = KeepaliveMachine(.init(interval: .seconds(10), timeout: .seconds(3)), now: start)
        #expect(machine.tick(hasCalls: true, now: start + .seconds(4)) == [.wake(at: start + .seconds(10))])
        machine.heard(now: start + .seconds(5))
        #expect(machine.tick(hasCalls: true, now: start + .seconds(10)) == [.wake(at: start + .seconds(15))])
        #expect(machine.tick(hasCalls: false, now: start + .seconds(15)) == [.wake(at: start + .seconds(25))])
        #expect(
            machine.tick(hasCalls: true, now: start + .seconds(15)) == [.sendPing, .wake(at: start + .seconds(18))]
        )
        #expect(machine.tick(hasCalls: true, now: start + .seconds(17)) == [.wake(at: start + .seconds(18))])
        #expect(machine.tick(hasCalls: true, now: start + .seconds(18)) == [.giveUp])
        machine.heard(now: start + .seconds(18))
        #expect(machine.tick(hasCalls: true, now: start + .seconds(18)) == [.wake(at: start + .seconds(28))])
    }

    @Test(arguments: [
        HTTP2Event.reset(1, .cancel), .ping, .settings, .idleFrame, .streamError(1), .headersTooLarge(stream: 1),
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
        // The next span starts anew.
        #expect(machine.record(event, now: start + .seconds(11)) == nil)
        #expect(machine.record(.endStream(1), now: start) == nil)
    }
}
