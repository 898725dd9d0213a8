import Testing

@testable import sctl

@Suite("Progress as lines")
struct ProgressModelTests {
    private func lines(_ events: [ProgressEvent]) -> [String] {
        var model = ProgressModel()
        return events.flatMap { model.apply($0) }
    }

    @Test("A line per change of state, none per byte")
    func plain() {
        let layer = "sha256:aaaa"
        #expect(
            lines([
                ProgressEvent(slot: "a.b.0", node: "n1", state: "pulling"),
                ProgressEvent(
                    slot: "a.b.0",
                    state: "pulling",
                    layer: layer,
                    layerStatus: "downloading",
                    offset: 1,
                    total: 2000
                ),
                ProgressEvent(
                    slot: "a.b.0",
                    state: "pulling",
                    layer: layer,
                    layerStatus: "downloading",
                    offset: 900,
                    total: 2000
                ),
                ProgressEvent(
                    slot: "a.b.0",
                    state: "pulling",
                    layer: layer,
                    layerStatus: "done",
                    offset: 2000,
                    total: 2000
                ),
                ProgressEvent(slot: "a.b.0", state: "starting"),
                ProgressEvent(slot: "a.b.0", state: "running"),
            ]) == [
                "a.b.0: pulling on n1",
                "sha256:aaaa: downloading (2.0 kB)",
                "sha256:aaaa: done (2.0 kB)",
                "a.b.0: starting on n1",
                "a.b.0: running on n1",
            ]
        )
    }

    @Test("A failure has its reason and the container's last lines")
    func failure() {
        var model = ProgressModel()
        let lines = model.apply(
            ProgressEvent(slot: "a.b.0", state: "failed", message: "exit code 1", log: ["cannot open x", "bye"])
        )
        #expect(lines == ["a.b.0: failed: exit code 1", "a.b.0 | cannot open x", "a.b.0 | bye"])
        #expect(model.failed.map(\.name) == ["a.b.0"])
    }

    @Test("A layer that several slots wait for is shown once")
    func sharedLayer() {
        var model = ProgressModel()
        for slot in ["a.b.0", "a.b.1"] {
            _ = model.apply(ProgressEvent(slot: slot, state: "pulling", layer: "l", layerStatus: "waiting"))
        }
        #expect(model.layers.count == 1)
        #expect(model.slots.count == 2)
    }

    @Test("A daemon that sends without end does not fill the memory")
    func bounded() {
        var model = ProgressModel()
        for number in 0..<(ProgressModel.limit + 50) {
            _ = model.apply(ProgressEvent(slot: "s\(number)", state: "x", layer: "l\(number)", layerStatus: "y"))
        }
        #expect(model.slots.count == ProgressModel.limit)
        #expect(model.layers.count == ProgressModel.limit)
        #expect(model.apply(ProgressEvent(slot: "s1", state: "running")) == ["s1: running"])
    }
}
