import Glibc
import StellarTestKit
import Testing

@testable import StellarRuntime

struct ProcessSleepTests {
    @Test func callsAreParsedFromTheKernelsLine() {
        #if arch(x86_64)
        #expect(
            ProcessSleep.Call("230 0x1 0x1 0x7ffd10 0x0 0x0 0x0 0x7ffd00 0x7f00")
                == .init(time: 0x7ffd10, absoluteClock: 1)
        )
        #expect(
            ProcessSleep.Call("230 0x0 0x0 0x7ffd10 0x7ffd10 0x0 0x0 0x7ffd00 0x7f00") == .init(time: 0x7ffd10)
        )
        #expect(ProcessSleep.Call("35 0x7ffd10 0x0 0x0 0x0 0x0 0x0 0x7ffd00 0x7f00") == .init(time: 0x7ffd10))
        // epoll_wait
        #expect(ProcessSleep.Call("232 0x4 0x7ffd10 0x10 0x64 0x0 0x0 0x7ffd00 0x7f00") == nil)
        #endif
        #expect(ProcessSleep.Call("running") == nil)
        #expect(ProcessSleep.Call("-1 0x7ffd00 0x7f00") == nil)
        #expect(ProcessSleep.Call("") == nil)
    }

    @Test(.requires(.root)) func sleepOfARealProcessIsDetected() async throws {
        try await TemporaryDirectory.with { folder in
            let sleeper = try BackgroundProcess("sleep", ["1000"], log: "\(folder)/log")
            let remaining = try await eventually("it sleeps", within: .seconds(60)) {
                ProcessSleep.remaining(UInt32(sleeper.pid))
            }
            #expect(remaining <= .seconds(1000) && remaining > .seconds(1))
            sleeper.kill()
            #expect(ProcessSleep.remaining(UInt32(sleeper.pid)) == nil)
        }
    }
}
