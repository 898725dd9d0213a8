import StellarRuntime
import StellarTestKit
import Testing

struct PullScheduleTests {
    @Test func layersDownloadThreeAtATimeAndUnpackInOrder() {
        var schedule = PullSchedule(layers: 5, isUnpacked: false)
        #expect(schedule.start() == [.download(0), .download(1), .download(2)])
        #expect(schedule.handle(.downloaded(1)) == [.download(3)])
        #expect(schedule.handle(.downloaded(0)) == [.download(4), .unpack(0)])
        #expect(schedule.handle(.downloaded(2)).isEmpty)
        #expect(schedule.handle(.unpacked(0)) == [.unpack(1)])
        #expect(schedule.handle(.unpacked(1)) == [.unpack(2)])
        #expect(schedule.handle(.unpacked(2)).isEmpty)
        #expect(schedule.handle(.downloaded(4)).isEmpty)
        #expect(schedule.handle(.downloaded(3)) == [.unpack(3)])
        #expect(schedule.handle(.unpacked(3)) == [.unpack(4)])
        #expect(!schedule.isDone)
        #expect(schedule.handle(.unpacked(4)).isEmpty)
        #expect(schedule.isDone)
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func everyOrderOfEventsEnds(_ seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let layers = Int.random(in: 0...12, using: &generator)
        let isUnpacked = Bool.random(using: &generator)
        var schedule = PullSchedule(layers: layers, isUnpacked: isUnpacked)
        var open = schedule.start()
        var unpacked: [Int] = []
        while !open.isEmpty {
            #expect(
                open.filter { if case .download = $0 { true } else { false } }.count <= PullSchedule.parallelDownloads
            )
            let index = Int.random(in: 0..<open.count, using: &generator)
            switch open.remove(at: index) {
            case .download(let layer): open += schedule.handle(.downloaded(layer))
            case .unpack(let layer):
                unpacked.append(layer)
                open += schedule.handle(.unpacked(layer))
            }
        }
        #expect(schedule.isDone)
        #expect(unpacked == (isUnpacked ? [] : Array(0..<layers)))
    }

    @Test func sourcesAreSortedAndWithinTheLimit() {
        let key = ContentLabels.source(of: "127.0.0.1:5000")
        #expect(key == "containerd.io/distribution.source.127.0.0.1")
        #expect(ContentLabels.source(of: "docker.io") == "containerd.io/distribution.source.docker.io")
        #expect(ContentLabels.sources(nil, adding: "b", key: key) == "b")
        #expect(ContentLabels.sources("b", adding: "a", key: key) == "a,b")
        #expect(ContentLabels.sources("a,b", adding: "b", key: key) == nil)
        #expect(ContentLabels.sources(String(repeating: "x", count: 4090), adding: "b", key: key) == nil)
    }
}
