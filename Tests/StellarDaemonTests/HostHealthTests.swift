import Testing

@testable import StellarDaemon

@Suite struct HostHealthTests {
    @Test func memoryIsParsedFromTheKernelsForm() {
        let memory = HostHealth.Memory(
            meminfo: """
                MemTotal:       24684412 kB
                MemFree:        23216012 kB
                MemAvailable:   23991384 kB
                Buffers:           12345 kB
                """
        )
        #expect(memory.total == 24_684_412 << 10 && memory.free == 23_216_012 << 10)
        #expect(memory.available == 23_991_384 << 10)
    }

    @Test(arguments: ["", "\n\n", "MemTotal:", "MemTotal: many kB\nMemFree:\n", "MemTotal 12 kB"])
    func missingValuesAreZero(_ text: String) {
        let memory = HostHealth.Memory(meminfo: text)
        #expect(memory.total == 0 && memory.free == 0 && memory.available == 0)
    }

    @Test func orderAndUnknownLinesDoNotMatter() {
        let text = "Hugepagesize: 2048 kB\nMemAvailable: 3 kB\n\nx\nMemFree: 2 kB\nMemTotal: 4 kB"
        let memory = HostHealth.Memory(meminfo: text)
        #expect(memory.total == 4096 && memory.free == 2048 && memory.available == 3072)
    }

    @Test func thisHostHasMemory() {
        let health = HostHealth.now()
        #expect(health.memoryTotal > 0 && health.cpus > 0 && health.systemName == "Linux")
        #expect((0...health.memoryTotal).contains(health.memoryUsed))
    }
}
